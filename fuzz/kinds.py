"""The kinds of input: what makes each, and its share of the time."""

from importlib import import_module
from pathlib import Path
from random import Random
from typing import Protocol

from fuzz.workspace import Workspace


class Kind(Protocol):
    """A kind of input, set up once in a workspace of its own."""

    def __init__(self, workspace: Workspace) -> None: ...

    def make(self, rng: Random) -> tuple[str, bytes]:
        """The ending and the content of a new input."""
        ...

    def read(self, path: Path, rng: Random) -> None:
        """Give the input to its readers.

        Args:
            path: the input's file.
            rng: seeded by the content, so that an input is always read in the same way.
        """
        ...


KINDS = {
    "manifests": ("fuzz.manifests:Manifests", 0.11),
    "predictions": ("fuzz.predictions:Predictions", 0.10),
    "four_scores": ("fuzz.four_scores:FourScores", 0.09),
    "configs": ("fuzz.configs:Configs", 0.07),
    "overrides": ("fuzz.configs:Overrides", 0.07),
    "images": ("fuzz.images:Images", 0.18),
    "slides": ("fuzz.slides:Slides", 0.08),
    "folders": ("fuzz.folders:Folders", 0.14),
    "weights": ("fuzz.weights:Weights", 0.09),
    "onnx": ("fuzz.onnx_models:OnnxModels", 0.07),
}
BUILT_ON_A_COMPARISON = ("slides", "folders", "weights", "onnx")


def kind_of(place: str) -> type[Kind]:
    """The class that `module:Class` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)

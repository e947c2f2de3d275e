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
    "manifests": ("fuzz.manifests:Manifests", 0.13),
    "predictions": ("fuzz.predictions:Predictions", 0.14),
    "configs": ("fuzz.configs:Configs", 0.08),
    "overrides": ("fuzz.configs:Overrides", 0.08),
    "images": ("fuzz.images:Images", 0.22),
    "folders": ("fuzz.folders:Folders", 0.22),
    "weights": ("fuzz.weights:Weights", 0.13),
}
BUILT_ON_A_COMPARISON = ("folders", "weights")


def kind_of(place: str) -> type[Kind]:
    """The class that `module:Class` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)

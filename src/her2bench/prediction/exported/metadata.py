"""What an exported network says of itself: texts by name, in each format the same."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np

from her2bench import __version__
from her2bench.core.vocabulary import ENDPOINTS, LARGEST_SIZE, RESEARCH_USE, SCORES
from her2bench.data.decoding.squares import SQUARES
from her2bench.prediction.forward import probabilities
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata
from her2bench.prediction.training_scale import TrainingScale

FORMAT = "1"
"""Changes when an older her2bench could not read the file rightly."""
CLASSES = ("negative", "positive")
ORDINAL = "score"
"""The endpoint of networks of the four scores."""
Pixels = Literal["uint8", "float", "normalised"]
PIXELS: tuple[str, ...] = get_args(Pixels)
"""Values of a tile: 0 to 255, 0 to 1, or normalised outside (WSInfer does)."""


@dataclass(frozen=True)
class ExportMetadata:
    """The metadata of an exported network.

    Attributes:
        trained: of the network; its threshold is on the logit.
        pixels: values that the file takes.
        scaling: slope and intercept of the calibration, fitted on validation tiles; None: none.
        mpp: µm/pixel of a tile of `trained.size` pixels; None: unknown.
        cuts: of an ordinal network, what the logits of 1+, 2+ and 3+ or more are above its output;
            empty for others.
    """

    trained: ModelMetadata
    pixels: Pixels = "uint8"
    scaling: tuple[float, float] | None = None
    mpp: float | None = None
    cuts: tuple[float, ...] = ()

    @property
    def ordinal(self) -> bool:
        """Whether the network is one of the four scores."""
        return self.trained.endpoint == ORDINAL

    @property
    def classes(self) -> tuple[str, ...]:
        """What its probabilities are of: positive alone is said of two classes."""
        return SCORES if self.ordinal else CLASSES

    @property
    def any_size(self) -> bool:
        """Whether the file resizes tiles; it does not crop or pad them."""
        return self.trained.square == "squash" and self.pixels != "normalised"

    def texts(self) -> dict[str, str]:
        """The metadata as it is written into a file."""
        trained = self.trained
        (probability,) = probabilities(np.array([trained.threshold])).tolist()
        found = {
            "format": FORMAT,
            "her2bench": __version__,
            "model": trained.model,
            "source": trained.source,
            "arguments": json.dumps(trained.arguments) if trained.arguments else "",
            "tile_size": str(trained.size),
            "mpp": "" if self.mpp is None else repr(self.mpp),
            "pixels": self.pixels,
            "square": trained.square,
            "decoding": trained.decoding,
            "mean": json.dumps(trained.preparation.mean),
            "std": json.dumps(trained.preparation.std),
            "endpoint": trained.endpoint,
            "positive_means": ENDPOINTS.get(trained.endpoint, trained.endpoint),
            "class_names": json.dumps(self.classes),
            "cut_distances": json.dumps(self.cuts) if self.cuts else "",
            "threshold_logit": repr(trained.threshold),
            "threshold_probability": repr(probability),
            "research_use_only": RESEARCH_USE,
        }
        if trained.scale is not None:
            found["training_tile_side"] = str(trained.scale.side)
            mpp = trained.scale.mpp
            found["training_tile_mpp"] = "" if mpp is None else repr(mpp)
        if self.scaling is not None:
            found["calibration_slope"], found["calibration_intercept"] = map(repr, self.scaling)
        return {name: text for name, text in found.items() if text}


def metadata_from(texts: Mapping[str, str]) -> ExportMetadata:
    """The metadata in a file of this format.

    Raises:
        KeyError: an entry is missing.
        ValueError: an entry has another type or range.
    """
    mean, std = (_three(texts[name]) for name in ("mean", "std"))
    size, threshold = int(texts["tile_size"]), _finite(texts["threshold_logit"])
    square, pixels = texts["square"], texts["pixels"]
    if not 1 <= size <= LARGEST_SIZE or square not in SQUARES or pixels not in PIXELS:
        raise ValueError(f"tile_size {size}, square {square!r} or pixels {pixels!r} is unknown")
    trained = ModelMetadata(
        texts["model"],
        size,
        Normalization(mean, std),
        threshold,
        texts["endpoint"],
        "fast" if texts.get("decoding") == "fast" else "exact",
        texts.get("source", ""),
        square,  # type: ignore[arg-type]
        scale=_training_scale(texts),
    )
    scaling = None
    if "calibration_slope" in texts:
        scaling = _finite(texts["calibration_slope"]), _finite(texts["calibration_intercept"])
    mpp = _finite(texts["mpp"]) if "mpp" in texts else None
    cuts = _cuts(texts["cut_distances"]) if trained.endpoint == ORDINAL else ()
    return ExportMetadata(trained, cast("Pixels", pixels), scaling, mpp, cuts)


def _training_scale(texts: Mapping[str, str]) -> TrainingScale | None:
    if "training_tile_side" not in texts:
        return None
    mpp = texts.get("training_tile_mpp")
    return TrainingScale(int(texts["training_tile_side"]), None if mpp is None else _finite(mpp))


def _cuts(text: str) -> tuple[float, float, float]:
    low, middle, high = _three(text)
    if not low >= middle == 0 >= high:
        raise ValueError(f"cut_distances {text!r} do not fall from 1+ over 0 at 2+ to 3+")
    return low, middle, high


def _three(text: str) -> tuple[float, float, float]:
    values = json.loads(text)
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"{text!r} is not three numbers")
    first, second, third = (_finite(value) for value in values)
    return first, second, third


def _finite(value: object) -> float:
    number = float(value) if isinstance(value, (str, int, float)) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number

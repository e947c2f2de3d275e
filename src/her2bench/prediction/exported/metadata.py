"""What an exported network says of itself: texts by name, in each format the same."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np

from her2bench import __version__
from her2bench.core.vocabulary import ENDPOINTS
from her2bench.data.decoding.squares import SQUARES
from her2bench.prediction.forward import probabilities
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata
from her2bench.prediction.training_scale import TrainingScale

FORMAT = "1"
"""Changes when an older her2bench could not read the file rightly."""
CLASSES = ("negative", "positive")
RESEARCH_USE = "Research use only; nothing here is for diagnosis."
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
    """

    trained: ModelMetadata
    pixels: Pixels = "uint8"
    scaling: tuple[float, float] | None = None

    @property
    def mpp(self) -> float | None:
        """µm/pixel of a training tile resized to `trained.size` pixels; None: unknown."""
        scale = self.trained.scale
        if scale is None or scale.mpp is None:
            return None
        return scale.mpp * scale.side / self.trained.size

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
            "training_side": "" if trained.scale is None else str(trained.scale.side),
            "pixels": self.pixels,
            "square": trained.square,
            "decoding": trained.decoding,
            "mean": json.dumps(trained.preparation.mean),
            "std": json.dumps(trained.preparation.std),
            "endpoint": trained.endpoint,
            "positive_means": ENDPOINTS.get(trained.endpoint, trained.endpoint),
            "class_names": json.dumps(CLASSES),
            "threshold_logit": repr(trained.threshold),
            "threshold_probability": repr(probability),
            "research_use_only": RESEARCH_USE,
        }
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
    if size < 1 or square not in SQUARES or pixels not in PIXELS:
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
        scale=_scale(texts, size),
    )
    scaling = None
    if "calibration_slope" in texts:
        scaling = _finite(texts["calibration_slope"]), _finite(texts["calibration_intercept"])
    return ExportMetadata(trained, cast("Pixels", pixels), scaling)


def _scale(texts: Mapping[str, str], size: int) -> TrainingScale | None:
    """The side of training tiles as they were cut, and the µm/pixel there."""
    if "training_side" not in texts:
        return None
    side, mpp = int(texts["training_side"]), _finite(texts.get("mpp", 1))
    if side < 1 or mpp <= 0:
        raise ValueError(f"training_side {side} or mpp {mpp} is impossible")
    return TrainingScale(side, mpp * size / side if "mpp" in texts else None)


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

"""What `scores.json` holds of single runs: thresholds, scalings, how tiles become slides."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["tile", "slide"]
Method = Literal["none", "temperature", "platt"]
Aggregate = Literal["mean", "median", "share", "quantile"]


@dataclass(frozen=True)
class RunScaling:
    """The scaling of one run: logit → slope x logit + intercept."""

    seed: int
    fold: int
    slope: float | None
    intercept: float | None


@dataclass(frozen=True)
class Recalibrated:
    """A model's probabilities on test after a scaling fitted on val; the mean over seeds."""

    model: str
    method: Method
    brier: float | None
    log_loss: float | None
    calibration_error: float | None
    runs: tuple[RunScaling, ...]


@dataclass(frozen=True)
class RunThreshold:
    """The threshold of one run.

    `source` is where it comes from, "val" or "fixed"; `scale` is what it is compared with: a
    probability that was named, with probabilities as they were given; any other with logits.
    """

    model: str
    seed: int
    fold: int
    logit: float
    probability: float
    source: str
    scale: Literal["logit", "probability"] = "logit"


@dataclass(frozen=True)
class RunAggregate:
    """How the tiles of one run's slides are put together.

    `source` says who decided: "fixed" beforehand, "val" by its validation slides, "default" where
    these were too few; `quantile` is that of the aggregate "quantile".
    """

    model: str
    seed: int
    fold: int
    aggregate: Aggregate
    quantile: float | None
    source: Literal["fixed", "val", "default"]

"""Temperature and Platt scaling: fitted on validation tiles, reported before and after on test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy import optimize, special

from her2bench.evaluation.metrics import influence
from her2bench.evaluation.rows import known
from her2bench.evaluation.runs import RUN
from her2bench.evaluation.samples import Bools, Floats

Method = Literal["none", "temperature", "platt"]
MEASURED = ("brier", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Scaling:
    """logit → slope x logit + intercept. Temperature scaling is slope 1 / T, intercept 0."""

    slope: float
    intercept: float

    def probabilities(self, logits: Floats) -> Floats:
        """(n,) float64, 0 to 1."""
        return special.expit(self.slope * logits + self.intercept)


@dataclass(frozen=True)
class RunScaling:
    """The scaling of one run."""

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


def fit_temperature(logits: Floats, targets: Bools) -> Scaling:
    """The one slope, from 1/100 to 100, that makes the log loss least.

    Args:
        logits: (n,) float64 of validation tiles.
        targets: (n,) bool.

    Source: Guo et al. 2017, ICML ("On calibration of modern neural networks").
    """

    def loss(log_slope: float) -> float:
        return _log_loss(np.exp(log_slope) * logits, targets.astype(np.float64))

    limit = np.log(100.0)
    found = optimize.minimize_scalar(loss, bounds=(-limit, limit), method="bounded")
    return Scaling(float(np.exp(found.x)), 0.0)


def fit_platt(logits: Floats, targets: Bools) -> Scaling:
    """Slope and intercept by logistic regression, towards Platt's smoothed targets.

    The smoothing (N+ + 1) / (N+ + 2) and 1 / (N- + 2) keeps the slope finite where the classes
    are parted perfectly.

    Args:
        logits: (n,) float64 of validation tiles.
        targets: (n,) bool.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """
    positives = int(targets.sum())
    negatives = len(targets) - positives
    aims = np.where(targets, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    unit = (logits - centre) / scale

    def loss(x: Floats) -> tuple[float, Floats]:
        z = x[0] * unit + x[1]
        excess = (special.expit(z) - aims) / len(aims)
        return _log_loss(z, aims), np.array([excess @ unit, excess.sum()])

    start = np.array([scale, centre]) if scale < 100 else np.array([1.0, 0.0])
    found = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    slope = float(found.x[0]) / scale
    return Scaling(slope, float(found.x[1]) - slope * centre)


def recalibrate(table: pl.DataFrame, bins: int) -> tuple[tuple[Recalibrated, ...], list[str]]:
    """Fit both scalings for every run with validation tiles of both classes; judge on test.

    Args:
        table: predictions.
        bins: of the calibration error.

    Returns:
        For each model three results (none, temperature, Platt), and notes.
    """
    results: list[Recalibrated] = []
    left_out: list[str] = []
    for model in table["model"].unique(maintain_order=True):
        rows = table.filter(pl.col("model") == model)
        val, test = (
            rows.filter(pl.col("split") == split).partition_by(RUN[1:], as_dict=True)
            for split in ("val", "test")
        )
        if test and all(key in val and val[key]["target"].n_unique() == 2 for key in test):
            results += [_judge(model, method, val, test, bins) for method in _FITS]
        elif val and test:
            left_out.append(model)
    notes = [
        f"No recalibration of {', '.join(left_out)}: every run needs validation tiles of both "
        "classes."
    ]
    return tuple(results), notes if left_out else []


_FITS: dict[Method, Callable[[Floats, Bools], Scaling]] = {
    "none": lambda logits, targets: Scaling(1.0, 0.0),
    "temperature": fit_temperature,
    "platt": fit_platt,
}


def _judge(
    model: str,
    method: Method,
    val: dict[tuple, pl.DataFrame],
    test: dict[tuple, pl.DataFrame],
    bins: int,
) -> Recalibrated:
    by_seed: dict[int, list[tuple[Floats, Floats, Bools]]] = {}
    runs = []
    for (seed, fold), rows in sorted(test.items(), key=lambda item: item[0]):
        scaling = _FITS[method](*_arrays(val[seed, fold])[:2])
        runs.append(RunScaling(seed, fold, known(scaling.slope), known(scaling.intercept)))
        logits, targets, given = _arrays(rows)
        scaled = given if method == "none" else scaling.probabilities(logits)
        by_seed.setdefault(seed, []).append((logits, scaled, targets))
    measured = {name: [] for name in MEASURED}
    for parts in by_seed.values():
        logits, scaled, targets = (np.concatenate(column) for column in zip(*parts, strict=True))
        for name in MEASURED:
            value, _ = influence(name, targets, logits, scaled, targets, bins)
            measured[name].append(value)
    means = {name: known(float(np.mean(values))) for name, values in measured.items()}
    return Recalibrated(model=model, method=method, runs=tuple(runs), **means)


def _arrays(rows: pl.DataFrame) -> tuple[Floats, Bools, Floats]:
    return (
        rows["logit"].to_numpy(),
        rows["target"].to_numpy() == 1,
        rows["probability"].to_numpy(),
    )


def _log_loss(z: Floats, aims: Floats) -> float:
    return float(np.mean(np.logaddexp(0, z) - aims * z))

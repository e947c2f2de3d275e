"""Temperature and Platt scaling: fitted on validation tiles, reported before and after on test."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy import optimize, special

from her2bench.evaluation.scoring.rows import known
from her2bench.evaluation.scoring.run_thresholds import RUN
from her2bench.evaluation.statistics.arrays import Bools, Floats
from her2bench.evaluation.statistics.metrics import influence

Method = Literal["none", "temperature", "platt"]
METHODS = {"platt": "Platt scaling", "temperature": "temperature scaling"}
_MOST = 1e6  # of a slope or an intercept: beyond it nothing was fitted
MEASURED = ("brier", "log_loss", "calibration_error")
SUREST = 36.0  # logits further out are cut here: a probability of exactly 0 is -744


@dataclass(frozen=True)
class Scaling:
    """logit → slope x logit + intercept. Temperature scaling is slope 1 / T, intercept 0."""

    slope: float
    intercept: float

    def probabilities(self, logits: Floats) -> Floats:
        """(n,) float64, 0 to 1."""
        return special.expit(self.logits(logits))

    def logits(self, logits: Floats) -> Floats:
        """(n,) float64: the scaled logits."""
        return self.slope * np.clip(logits, -SUREST, SUREST) + self.intercept


UNSCALED = Scaling(1.0, 0.0)


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

    logits = np.clip(logits, -SUREST, SUREST)

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
    logits = np.clip(logits, -SUREST, SUREST)
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
        For each model up to three results (none, temperature, Platt), and notes. A fit that makes
        the validation loss worse, or reverses the order of tiles, is refused: its run stays
        unscaled, and a method refused for all runs of a model is left out.
    """
    results: list[Recalibrated] = []
    notes: list[str] = []
    left_out: list[str] = []
    for model in table["model"].unique(maintain_order=True):
        rows = table.filter(pl.col("model") == model)
        val, test = (
            rows.filter(pl.col("split") == split).partition_by(RUN[1:], as_dict=True)
            for split in ("val", "test")
        )
        if test and all(key in val and val[key]["target"].n_unique() == 2 for key in test):
            for method in _FITS:
                fits = {key: _fit(method, *_arrays(val[key])[:2]) for key in sorted(test)}
                notes += _refusals(model, method, fits)
                if any(fits.values()):
                    results.append(_judge(model, method, fits, test, bins))
        elif val and test:
            left_out.append(model)
    if left_out:
        notes.append(
            f"No recalibration of {', '.join(left_out)}: every run needs validation tiles of both "
            "classes."
        )
    return tuple(results), notes


_FITS: dict[Method, Callable[[Floats, Bools], Scaling]] = {
    "none": lambda logits, targets: UNSCALED,
    "temperature": fit_temperature,
    "platt": fit_platt,
}


def _fit(method: Method, logits: Floats, targets: Bools) -> Scaling | None:
    """The scaling; None where it is refused.

    Tiles at the cut must not decide alone: one positive tile with a probability of 0 costs as much
    as 50 ordinary ones, and a fit to please it ruins these. The loss may therefore not get worse
    without them either.
    """
    scaling, within = _FITS[method](logits, targets), np.abs(logits) < SUREST
    kept = [chosen for chosen in (np.full(len(logits), True), within) if chosen.any()]
    better = all(_loss_after(scaling, logits[c], targets[c]) <= 0 for c in kept)
    return scaling if scaling.slope > 0 and better else None


def _loss_after(scaling: Scaling, logits: Floats, targets: Bools) -> float:
    """By how much the scaling raises the log loss, but for rounding."""
    aims = targets.astype(np.float64)
    before, after = (_log_loss(s.logits(logits), aims) for s in (UNSCALED, scaling))
    return after - before * (1 + 1e-9)


def _refusals(model: str, method: Method, fits: dict[tuple[int, int], Scaling | None]) -> list[str]:
    refused = sum(scaling is None for scaling in fits.values())
    if not refused:
        return []
    name = METHODS[method]
    where = "" if refused == len(fits) else f" in {refused} of {len(fits)} runs"
    return [
        f"No {name} of {model}{where}: it makes the log loss of the validation tiles worse or "
        "reverses their order."
    ]


def _judge(
    model: str,
    method: Method,
    fits: dict[tuple[int, int], Scaling | None],
    test: dict[tuple, pl.DataFrame],
    bins: int,
) -> Recalibrated:
    by_seed: dict[int, list[tuple[Floats, Floats, Bools]]] = {}
    runs = []
    for (seed, fold), scaling in fits.items():
        used = scaling or UNSCALED
        runs.append(RunScaling(seed, fold, known(used.slope), known(used.intercept)))
        logits, targets, given = _arrays(test[seed, fold])
        scaled = given if used is UNSCALED else used.probabilities(logits)
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


def usable_scaling(fitted: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Which of a model's scalings is shown and used: the first of METHODS fitted for every run.

    Fixed beforehand, because picking the better one on the tiles shown would be optimistic. Platt
    first: a recipe that weighs the positive class shifts every logit, and no temperature can undo
    a shift.

    Args:
        fitted: the model's entries of scores.json's `calibration`.
    """
    found = {entry["method"]: entry for entry in fitted}
    choices = (found[method] for method in METHODS if method in found)
    return next((c for c in choices if c["runs"] and all(map(_usable, c["runs"]))), None)


def _usable(run: dict[str, Any]) -> bool:
    # A slope of zero or less would turn the order of the tiles round, and so the calls.
    slope, intercept = run["slope"], run["intercept"]
    if slope is None or intercept is None:
        return False
    return 0 < slope < _MOST and abs(intercept) < _MOST

"""Temperature and Platt scaling: fitted on validation tiles, reported before and after on test."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from her2bench.core.score_notes import Note, make_note
from her2bench.core.scores import Method, Recalibrated, RunScaling, known
from her2bench.evaluation.scoring.run_thresholds import RUN
from her2bench.evaluation.statistics.arrays import Bools, Floats, SeedPredictions
from her2bench.evaluation.statistics.calibration_fits import (
    SUREST,
    UNSCALED,
    Scaling,
    fit_platt,
    fit_temperature,
    log_loss,
)
from her2bench.evaluation.statistics.metrics import METRICS

METHODS = {"platt": "Platt scaling", "temperature": "temperature scaling"}
MEASURED = ("brier", "log_loss", "calibration_error")
_MOST = 1e6  # of a slope or an intercept: beyond it nothing was fitted


def recalibrate(table: pl.DataFrame, bins: int) -> tuple[tuple[Recalibrated, ...], list[Note]]:
    """Fit both scalings for every run with validation tiles of both classes; evaluate on test.

    Args:
        table: predictions.
        bins: of the calibration error.

    Returns:
        For each model up to three results (none, temperature, Platt), and notes. A fit that makes
        the validation loss worse, or reverses the order of tiles, is refused: its run stays
        unscaled, and a method refused for all runs of a model is left out.
    """
    results: list[Recalibrated] = []
    notes: list[Note] = []
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
        text = (
            f"No recalibration of {', '.join(left_out)}: every run needs validation tiles of both "
            "classes."
        )
        notes.append(make_note("no_recalibration", text, models=tuple(left_out)))
    return tuple(results), notes


def best_scaling(calibration: Iterable[Recalibrated]) -> Recalibrated | None:
    """The scaling to use for a model: Platt where every run has a usable one, else temperature.

    The order is fixed beforehand: picking the better one on the tiles that are shown would make
    it look better than it is. Platt comes first because a recipe that weighs the positive class
    shifts every logit, and no temperature can undo a shift.
    """
    usable = (c for c in calibration if c.runs and all(map(_usable, c.runs)))
    fitted = {found.method: found for found in usable}
    return fitted.get("platt") or fitted.get("temperature")


def _usable(run: RunScaling) -> bool:
    # A slope of zero or less would reverse the order of the tiles, and so the calls.
    if run.slope is None or run.intercept is None:
        return False
    return 0 < run.slope < _MOST and abs(run.intercept) < _MOST


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
    before, after = (log_loss(s.logits(logits), aims) for s in (UNSCALED, scaling))
    return after - before * (1 + 1e-9)


def _refusals(
    model: str, method: Method, fits: dict[tuple[int, int], Scaling | None]
) -> list[Note]:
    refused = sum(scaling is None for scaling in fits.values())
    if not refused:
        return []
    name = METHODS[method]
    where = "" if refused == len(fits) else f" in {refused} of {len(fits)} runs"
    text = (
        f"No {name} of {model}{where}: it makes the log loss of the validation tiles worse or "
        "reverses their order."
    )
    return [make_note("scaling_refused", text, models=(model,))]


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
        predictions = SeedPredictions(targets, logits, scaled, targets, bins)
        for name in MEASURED:
            measured[name].append(METRICS[name].of(predictions))
    means = {name: known(float(np.mean(values))) for name, values in measured.items()}
    return Recalibrated(model=model, method=method, runs=tuple(runs), **means)


def _arrays(rows: pl.DataFrame) -> tuple[Floats, Bools, Floats]:
    return (
        rows["logit"].to_numpy(),
        rows["target"].to_numpy() == 1,
        rows["probability"].to_numpy(),
    )

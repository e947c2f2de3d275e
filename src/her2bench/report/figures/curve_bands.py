"""ROC and precision-recall curves with bands: averaged over seeds, slides resampled.

Tiles are ranked within folds. The curve is the folds' mean, weighted as ROC-AUC and average
precision weight them, so that the area under it equals the reported metric.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles, Rows, by_fold
from her2bench.evaluation.statistics.bootstrap import slide_weights

GRID = np.linspace(0, 1, 101)
REPLICATES = 400
MOST_LEVELS = 400  # logits finer than this cannot be seen in a curve
MOST_CELLS = 10_000_000  # slides times levels held in memory


@dataclass(frozen=True)
class Band:
    """A curve on `GRID`: value, and the central 95% of the replicates."""

    value: Floats
    low: Floats
    high: Floats


def roc_band(panel: Panel) -> Band:
    """Sensitivity at each 1 − specificity of `GRID`, averaged over seeds."""
    return _band(panel, _sensitivity_at)


def precision_band(panel: Panel) -> Band:
    """PPV at each sensitivity of `GRID` above 0, averaged over seeds."""
    return _band(panel, _precision_at)


def band_table(bands: dict[str, Band], x: str, y: str) -> pl.DataFrame:
    """The numbers behind a figure: `model, x, y, y_low, y_high`, one row per point."""
    parts = [
        pl.DataFrame({x: GRID, y: band.value, f"{y}_low": band.low, f"{y}_high": band.high})
        .with_columns(pl.lit(model).alias("model"))
        .select("model", pl.exclude("model"))
        for model, band in bands.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def _band(panel: Panel, curve) -> Band:
    sample = panel.sample
    seeds = [
        [_level_counts(sample, logits, rows) for rows in by_fold(folds)]
        for logits, _, _, folds in panel.answers.by_seed
    ]
    value = np.mean([_curves(np.ones((1, sample.n_groups)), s, curve)[0] for s in seeds], axis=0)
    if sample.n_groups < 2:
        nothing = np.full(len(GRID), np.nan)
        return Band(value, nothing, nothing)
    blocks = [
        np.mean([_curves(weights, seed, curve) for seed in seeds], axis=0)
        for weights in slide_weights(sample, REPLICATES, np.random.default_rng(0))
    ]
    drawn = np.concatenate(blocks)
    drawn = drawn[np.isfinite(drawn).any(axis=1)]  # replicates of one class have no curve
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return Band(value, low, high)


def _level_counts(sample: LabelledTiles, logits: Floats, rows: Rows) -> tuple[Floats, Floats]:
    """Positive and negative tiles by slide and level, the highest level first: (G, L) each."""
    logits, groups, targets = logits[rows], sample.groups[rows], sample.targets[rows]
    levels = -np.unique(-logits)
    most = int(min(MOST_LEVELS, max(50, MOST_CELLS // sample.n_groups)))
    if len(levels) > most:
        levels = -np.unique(-np.quantile(logits, np.linspace(0, 1, most)))
    code = np.searchsorted(-levels, -logits, side="left").clip(0, len(levels) - 1)
    where = groups * len(levels) + code
    size, shape = sample.n_groups * len(levels), (sample.n_groups, len(levels))
    positive, negative = (
        np.bincount(where[chosen], minlength=size).reshape(shape).astype(float)
        for chosen in (targets, ~targets)
    )
    return positive, negative


def _curves(weights: Floats, folds: list[tuple[Floats, Floats]], curve) -> Floats:
    """(b, len(GRID)) curves for (b, G) weights; NaN where no fold holds both classes."""
    total, mass = np.zeros((len(weights), len(GRID))), np.zeros((len(weights), 1))
    for counts in folds:
        true, false = (np.cumsum(weights @ part, axis=1) for part in counts)
        for row, (t, f) in enumerate(zip(true, false, strict=True)):
            if t[-1] > 0 and f[-1] > 0:
                weight = t[-1] * f[-1] if curve is _sensitivity_at else t[-1]
                total[row] += weight * curve(t, f)
                mass[row] += weight
    return np.divide(total, mass, out=np.full_like(total, np.nan), where=mass > 0)


def _sensitivity_at(true: Floats, false: Floats) -> Floats:
    x = np.concatenate([[0.0], false / false[-1]])
    return np.interp(GRID, x, np.concatenate([[0.0], true / true[-1]]))


def _precision_at(true: Floats, false: Floats) -> Floats:
    # The first threshold that reaches the given sensitivity; no line between points
    # (Davis and Goadrich 2006), because no threshold lies between them.
    reached = np.searchsorted(true / true[-1], GRID - 1e-12, side="left").clip(0, len(true) - 1)
    first = int(np.argmax(true > 0))
    reached = np.maximum(reached, first)
    return true[reached] / (true[reached] + false[reached])

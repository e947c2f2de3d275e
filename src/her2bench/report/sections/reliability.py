"""Reliability: observed share of positives by predicted probability, before and after scaling."""

from typing import Any

import numpy as np
import polars as pl
from scipy import special

from her2bench.core.scores import Recalibrated, RunScaling, known
from her2bench.evaluation.scoring.calibration_line import calibration_line
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.recalibration import best_scaling
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.calibration_fits import SUREST
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.results_table import Cell

TILES_A_BIN = 15
MOST_BINS = 10
MEASURED = ("brier", "log_loss", "calibration_error")


def reliability_table(
    panel: Panel, rows: pl.DataFrame, calibration: list[Recalibrated], settings: ScoreSettings
) -> pl.DataFrame:
    """Equal-mass bins of one model's probabilities, pooled over seeds.

    Args:
        panel: the model's predictions on the shown tiles.
        rows: the same tiles as rows of predictions, with `seed` and `fold`.
        calibration: of the model, may be empty.
        settings: of the statistics; only the confidence is used.

    Returns:
        One row per bin: `when` ("before", or the method), `probability` (mean of the bin),
        `observed, low, high` (share of positive tiles and its interval), `tiles`.
    """
    parts = [_binned(panel, panel.answers.probabilities, "before", settings)]
    chosen = best_scaling(calibration)
    if chosen:
        parts.append(_binned(panel, _scaled(panel, rows, chosen.runs), chosen.method, settings))
    return pl.concat(parts)


def calibration_rows(
    panel: Panel, rows: pl.DataFrame, calibration: list[Recalibrated], settings: ScoreSettings
) -> list[dict[str, Any]]:
    """The errors of one model's probabilities before and after each scaling, with intervals.

    Returns:
        One row per method ("none", "temperature", "platt"): `model`, `method`, and one cell
        for each of MEASURED and of the calibration line.
    """
    given = panel.answers
    table = []
    fitted = [(entry.method, entry.runs) for entry in calibration]
    for method, runs in fitted or [("none", ())]:
        scaled = given.probabilities if method == "none" else _scaled(panel, rows, runs)
        answers = ModelPredictions(given.model, given.seeds, given.logits, scaled, given.calls)
        cells = {name: _cell(name, panel.sample, answers, settings) for name in MEASURED}
        for name, found in calibration_line(panel.sample, answers, settings.confidence).items():
            low, high = map(known, found.interval)
            cells[name] = Cell(known(found.value), low, high, found.method)
        table.append({"model": given.model, "method": method, **cells})
    return table


def _cell(
    metric: str, sample: LabelledTiles, answers: ModelPredictions, settings: ScoreSettings
) -> Cell:
    found = estimate(metric, sample, answers, settings.bins)
    interval, method = interval_of(found, None, settings)
    return Cell(known(found.value), known(interval.low), known(interval.high), method)


def calibration_of(material: ReportInputs, model: str) -> tuple[pl.DataFrame, list[Recalibrated]]:
    """The shown rows of a model and what was fitted for it; empty where no test tiles are shown."""
    rows = material.shown.filter(pl.col("model") == model)
    fitted = material.scores.calibration
    return rows, [c for c in fitted if c.model == model and material.split == "test"]


def best_probabilities(
    panel: Panel, rows: pl.DataFrame, calibration: list[Recalibrated]
) -> tuple[Floats, bool]:
    """A model's (S, n) probabilities, scaled where a scaling was fitted, and whether it was."""
    chosen = best_scaling(calibration)
    if chosen is None:
        return panel.answers.probabilities, False
    return _scaled(panel, rows, chosen.runs), True


def _scaled(panel: Panel, rows: pl.DataFrame, runs: tuple[RunScaling, ...]) -> Floats:
    fitted = {(run.seed, run.fold): run for run in runs}
    scaled = []
    for seed, logits in zip(panel.answers.seeds, panel.answers.logits, strict=True):
        folds = rows.filter(pl.col("seed") == seed).sort("tile_id", "fold")["fold"]
        slopes = np.array([fitted[seed, fold].slope for fold in folds])
        shifts = np.array([fitted[seed, fold].intercept for fold in folds])
        cut = np.clip(logits, -SUREST, SUREST)
        scaled.append(special.expit(slopes * cut + shifts))
    return np.stack(scaled)


def _binned(
    panel: Panel, probabilities: Floats, when: str, settings: ScoreSettings
) -> pl.DataFrame:
    sample, seeds = panel.sample, len(probabilities)
    p, targets = probabilities.ravel(), np.tile(sample.targets, seeds)
    groups = np.tile(sample.groups, seeds)
    bins = int(np.clip(len(sample.targets) // TILES_A_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)))
    code = np.searchsorted(edges[1:-1], p, side="right") if len(edges) > 2 else np.zeros(len(p))
    rows = [
        _bin(p[inside], targets[inside], groups[inside], sample.known, seeds, settings)
        for k in np.unique(code)
        for inside in [code == k]
    ]
    return pl.DataFrame(rows, schema=_SCHEMA).select(pl.lit(when).alias("when"), pl.all())


_SCHEMA = {
    "probability": pl.Float64,
    "observed": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "tiles": pl.Float64,
}


def _bin(
    p: Floats,
    targets: np.ndarray,
    groups: np.ndarray,
    slides_known: bool,
    seeds: int,
    settings: ScoreSettings,
) -> dict[str, float | None]:
    codes = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    # With every target set to positive, the accuracy of the labels is the share of positives.
    sample = LabelledTiles(np.ones(len(p), dtype=bool), codes, slides_known)
    answers = ModelPredictions("", (0,), p[None], p[None], targets[None])
    interval, _ = interval_of(estimate("accuracy", sample, answers, settings.bins), None, settings)
    return {
        "probability": float(p.mean()),
        "observed": float(targets.mean()),
        "low": known(interval.low),
        "high": known(interval.high),
        "tiles": len(p) / seeds,
    }

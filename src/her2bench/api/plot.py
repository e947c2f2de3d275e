"""Figures of the report on your own matplotlib Axes: each function draws on `ax` and returns it.

Without `ax` a new figure is made. Colours are the report's: networks in colour, baselines grey.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.axes import Axes

from her2bench.api.decision_inputs import curves_of, unscored, with_derived
from her2bench.api.frames import Tables
from her2bench.api.results import ComparisonResults, ScoreResults
from her2bench.api.scoring import load_predictions
from her2bench.core.errors import UserError, nearest
from her2bench.core.vocabulary import BASELINES, CONSTANT
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.pairwise import FAMILIES
from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.figures.curve_bands import roc_band
from her2bench.report.figures.decision import decision as draw_decision
from her2bench.report.figures.forest import forest as draw_forest
from her2bench.report.figures.forest import forest_size
from her2bench.report.figures.loss_curves import losses as draw_losses
from her2bench.report.figures.palette import line_style
from her2bench.report.figures.quality_cost import COSTS, quality_cost
from her2bench.report.figures.reliability_diagram import reliability
from her2bench.report.figures.roc_pr import legend_names, with_bands
from her2bench.report.figures.roc_pr import roc as draw_roc
from her2bench.report.figures.style import STYLE
from her2bench.report.sections.costs import cost_points
from her2bench.report.sections.reliability import reliability_table
from her2bench.report.table_csv import epoch_table, run_table


def roc(results: ScoreResults, *, split: str = "test", ax: Axes | None = None) -> Axes:
    """ROC curves, averaged over seeds, with 95% bands of the networks where these are few.

    Args:
        results: of `score` or `compare`.
        split: the tiles.
        ax: where to draw.

    Raises:
        UserError: there are no tiles of both classes in that split.
    """
    panels = _panels(results, split)
    if not 0 < next(iter(panels.values())).sample.targets.mean() < 1:
        raise UserError("plot.roc", found=f"one class only among the {split} tiles")
    bands = {model: roc_band(panel) for model, panel in panels.items()}
    names = legend_names(results.scores.rows, split, "roc_auc", "AUC")
    filled = with_bands(bands, BASELINES)
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes()
        draw_roc(ax, bands, _styles(bands), filled, names)
        ax.legend(loc="lower right", reverse=True)
    return ax


def forest(results: ScoreResults, *, ax: Axes | None = None) -> Axes:
    """Differences of every pair of models on the primary metric, with intervals and the margin.

    Pairs of two baselines, and those with an ensemble, are left out.

    Args:
        results: of `score` or `compare`.
        ax: where to draw.

    Raises:
        UserError: no pair has a difference.
    """
    shown = [pair for pair in results.headline if pair.family in FAMILIES[:2]]
    pairs = [pair for pair in shown if pair.difference is not None]
    if not pairs:
        raise UserError("plot.forest", found="no two models were compared on test tiles")
    settings = results.settings
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes(*forest_size(len(pairs)))
        draw_forest(ax, pairs, label_of(settings.primary), settings.margin)
    return ax


def calibration(
    results: ScoreResults, model: str, *, split: str = "test", ax: Axes | None = None
) -> Axes:
    """Reliability diagram of one model: the share of positive tiles over the mean probability.

    Args:
        results: of `score` or `compare`.
        model: its name.
        split: the tiles.
        ax: where to draw.

    Raises:
        UserError: no such model.
    """
    panels = _panels(results, split)
    if model not in panels:
        raise UserError(
            "plot.calibration", found=f"no model {model!r}", expected=f"one of {', '.join(panels)}"
        )
    rows = results.predictions.filter((pl.col("model") == model) & (pl.col("split") == split))
    fitted = [c for c in results.scores.calibration if c.model == model and split == "test"]
    bins = reliability_table(panels[model], rows, fitted, results.settings)
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes()
        reliability(ax, bins, str(_styles(panels)[model]["color"]))
        ax.legend(loc="lower right")
    return ax


def decision(
    results: ScoreResults | Tables, *, split: str = "test", ax: Axes | None = None
) -> Axes:
    """Decision curves: net benefit over the threshold probability, with bands over slides.

    Probabilities are calibrated where validation tiles allow it. Where the settings name a
    prevalence, net benefit is taken at that.

    Args:
        results: of `score` or `compare`, or predictions as `load_predictions` takes them.
        split: the tiles.
        ax: where to draw.

    Raises:
        UserError: there are no tiles of both classes in that split.
    """
    if not isinstance(results, ScoreResults):
        results = unscored(load_predictions(results))
    panels = _panels(results, split)
    if not 0 < next(iter(panels.values())).sample.targets.mean() < 1:
        raise UserError("plot.decision", found=f"one class only among the {split} tiles")
    curves = curves_of(results, panels, split)
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes()
        draw_decision(ax, curves, _styles(panels), with_bands(panels, BASELINES))
        ax.legend(loc="upper right", reverse=True)
    return ax


def losses(results: ComparisonResults, model: str, *, ax: Axes | None = None) -> Axes:
    """Training and validation loss of every run of one network.

    Args:
        results: of `compare`.
        model: its name.
        ax: where to draw.

    Raises:
        UserError: the comparison trained no such network.
    """
    epochs = epoch_table(results.folder)
    trained = epochs["model"].unique(maintain_order=True).to_list() if epochs.height else []
    if model not in trained:
        raise UserError(
            "plot.losses", found=f"no network {model!r}", expected=f"one of {', '.join(trained)}"
        )
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes()
        draw_losses(ax, epochs.filter(pl.col("model") == model))
        ax.legend()
    return ax


def cost(
    results: ComparisonResults,
    *,
    x: str = "multiply_adds",
    metric: str = "roc_auc",
    split: str = "test",
    ax: Axes | None = None,
) -> Axes:
    """A metric with its interval over what a model costs, one point per model.

    Models without that cost, such as baselines without multiply-adds, stand at the left edge. The
    dotted line is the best value at a cost or less.

    Args:
        results: of `compare`.
        x: `multiply_adds` (per tile), `parameters`, `train_seconds` (of one run), or
            `predict_tiles_per_second`.
        metric: as in `scores.json`.
        split: the tiles.
        ax: where to draw; the names stand on the right of it.

    Raises:
        UserError: an unknown cost or metric, or no model has both.
    """
    for name, given, known in (("x", x, COSTS), ("metric", metric, METRICS)):
        if given not in known:
            expected = f"one of {', '.join(known)}"
            hint = nearest(given, known) or "correct the name"
            raise UserError("plot.cost", found=f"{name}={given!r}", expected=expected, hint=hint)
    runs, question = run_table(results.folder), results.question
    points = cost_points(results.scores.rows, runs, x, metric, split, question, BASELINES)
    if not any(point.cost for point in points):
        raise UserError("plot.cost", found=f"no model with {metric} on {split} tiles and {x}")
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes(7.2)
        quality_cost(ax, points, _styles(point.model for point in points), x, metric)
    return ax


def _panels(results: ScoreResults, split: str) -> dict[str, Panel]:
    """Each model's predictions on one split as arrays; "always positive" has no curve."""
    called, *_ = apply_thresholds(with_derived(results), results.settings.threshold)
    shown = called.filter((pl.col("split") == split) & ~pl.col("model").is_in(CONSTANT))
    models = shown["model"].unique(maintain_order=True).to_list()
    if not models:
        raise UserError("plot", found=f"no {split} tiles", expected="a split that was predicted")
    return {m: make_panel(shown.filter(pl.col("model") == m), m, split) for m in models}


def _styles(models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The line style of each model."""
    names = list(models)
    return {name: line_style(name, names, list(BASELINES)) for name in names}


def _new_axes(width: float = 4.0, height: float = 4.0) -> Axes:
    return plt.subplots(figsize=(width, height), layout="constrained")[1]

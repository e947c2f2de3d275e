"""Figures of the report on your own matplotlib Axes: each function draws on `ax` and returns it.

Without `ax` a new figure is made. Colours are the report's: networks in colour, baselines grey.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.axes import Axes

from her2bench.api.results import ComparisonResults, ScoreResults
from her2bench.core.errors import UserError
from her2bench.core.vocabulary import BASELINES, CONSTANT, model_label
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.report.figures.curve_bands import roc_band
from her2bench.report.figures.forest import forest as draw_forest
from her2bench.report.figures.forest import forest_size
from her2bench.report.figures.loss_curves import losses as draw_losses
from her2bench.report.figures.palette import line_style
from her2bench.report.figures.reliability_diagram import reliability
from her2bench.report.figures.roc_pr import legend_names, with_bands
from her2bench.report.figures.roc_pr import roc as draw_roc
from her2bench.report.figures.style import STYLE
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

    Pairs of two baselines are left out.

    Args:
        results: of `score` or `compare`.
        ax: where to draw.

    Raises:
        UserError: no pair has a difference.
    """
    shown = [pair for pair in results.headline if pair.family != "baselines"]
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


def cost(results: ComparisonResults, *, metric: str = "roc_auc", ax: Axes | None = None) -> Axes:
    """A metric on test tiles over the seconds of one training, one point per network.

    Args:
        results: of `compare`.
        metric: as in `scores.json`.
        ax: where to draw.

    Raises:
        UserError: no network has both.
    """
    runs = run_table(results.folder).group_by("model").agg(pl.col("train_seconds").mean())
    seconds = dict(runs.filter(pl.col("train_seconds") > 0).iter_rows())
    points = {
        row.model: (seconds[row.model], row.value, row.low, row.high)
        for row in results.scores.rows
        if (row.split, row.metric) == ("test", metric)
        and row.model in seconds
        and row.value is not None
    }
    if not points:
        raise UserError(
            "plot.cost", found=f"no network with {metric} on test tiles and a training time"
        )
    styles = _styles(points)
    with mpl.rc_context(STYLE):
        ax = ax or _new_axes()
        for model, (x, value, low, high) in points.items():
            colour = styles[model]["color"]
            if low is not None and high is not None:
                ax.vlines(x, low, high, color=colour)
            ax.plot(x, value, "o", color=colour, label=model_label(model))
        ax.set(xscale="log", xlabel="seconds per training", ylabel=label_of(metric))
        ax.grid(True)
        ax.legend()
    return ax


def _panels(results: ScoreResults, split: str) -> dict[str, Panel]:
    """Each model's predictions on one split as arrays; "always positive" has no curve."""
    called, *_ = apply_thresholds(results.predictions, results.settings.threshold)
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

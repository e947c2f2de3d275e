"""Reliability diagrams: one figure per model, before and after calibration."""

from pathlib import Path

import polars as pl
from matplotlib.axes import Axes

from her2bench.core.vocabulary import model_label
from her2bench.evaluation.scoring.recalibration import METHODS
from her2bench.report.figures.palette import INK, MUTED, PAPER
from her2bench.report.figures.style import Drawn, sheet
from her2bench.report.labels import slug


def draw_reliability(model: str, bins: pl.DataFrame, colour: str, folder: Path) -> Drawn:
    """Observed share of positive tiles over the mean probability, with intervals.

    Args:
        model: its name.
        bins: of `reliability_table`.
        colour: of the model.
        folder: where the files go.
    """
    title = f"Reliability of {model_label(model)}, before and after calibration"
    with sheet(folder, f"reliability-{slug(model)}", title, bins, (3.0, 3.25)) as page:
        reliability(page.axes, bins, colour)
        page.axes.set_title(model_label(model), color=INK, parse_math=False)
        page.figure.legend(loc="outside lower center", ncols=2, handletextpad=0.2)
    return page.drawn


def reliability(axes: Axes, bins: pl.DataFrame, colour: str) -> None:
    """Draw the bins of `reliability_table`: observed share of positive over mean probability."""
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    for when in bins["when"].unique(maintain_order=True):
        part = bins.filter(pl.col("when") == when)
        after = when != "before"
        shown = part.with_columns(pl.col("low", "high").fill_null(pl.col("observed")))
        x = shown["probability"].to_numpy() + (0.006 if after else -0.006)
        axes.vlines(x, shown["low"], shown["high"], color=colour if after else MUTED, linewidth=0.9)
        axes.plot(
            x,
            shown["observed"],
            marker="o" if after else "s",
            markersize=4.5,
            color=colour if after else MUTED,
            markerfacecolor=colour if after else PAPER,
            linewidth=0,
            label=f"after ({METHODS[when]})" if after else "before",
        )
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect=1)
    axes.set(xlabel="mean probability", ylabel="share positive")
    axes.grid(True)

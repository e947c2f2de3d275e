"""Loss per epoch: one figure, one panel per model, one line per seed and fold."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from her2bench.core.vocabulary import model_label
from her2bench.report.figures.inline import inlined
from her2bench.report.figures.palette import INK, SERIES
from her2bench.report.figures.style import STYLE, Drawn, Sheet, sheet

TITLE = "Loss per epoch, one panel per model, one line per run"
LINES = (
    ("train_loss", "training", SERIES[0], "-"),
    ("val_loss", "validation", SERIES[1], (0, (4, 1.5))),
)
_ABREAST = 3  # panels side by side
_PAGE = 9.0  # inches, width of the panels side by side
_WIDTH, _HEIGHT, _LEGEND = 3.0, 2.3, 0.3  # inches: of a single panel, and of the legend


def draw_losses(epochs: pl.DataFrame, models: list[str], top: float, folder: Path) -> Drawn:
    """Training (solid) and validation (dashed) loss of every run of every model.

    Args:
        epochs: all metrics.csv.
        models: in the order of the panels.
        top: of the loss axis, the same for all models.
        folder: where the files go.
    """
    columns = min(len(models), _ABREAST)
    rows = -(-len(models) // columns)
    size = (_PAGE if columns > 1 else _WIDTH, _HEIGHT * rows + _LEGEND)
    with sheet(folder, "loss", TITLE, epochs, size, (rows, columns)) as page:
        _draw_panels(page, epochs, models, top)
    if columns == 1:
        return page.drawn
    with mpl.rc_context(STYLE):
        narrow = Sheet(_WIDTH, _HEIGHT * len(models) + _LEGEND, (len(models), 1))
        _draw_panels(narrow, epochs, models, top)
        return replace(page.drawn, narrow=inlined(narrow.svg(), "loss-narrow", TITLE))


def _draw_panels(page: Sheet, epochs: pl.DataFrame, models: list[str], top: float) -> None:
    for axes, model in zip(page.panels, models, strict=False):
        losses(axes, epochs.filter(pl.col("model") == model), top)
        axes.set_title(model_label(model), color=INK, parse_math=False)
    for axes in page.panels[len(models) :]:
        axes.remove()
    handles, names = page.axes.get_legend_handles_labels()
    page.figure.legend(handles, names, loc="outside lower center", ncols=2)


def losses(axes: Axes, epochs: pl.DataFrame, top: float | None = None) -> None:
    """Draw training and validation loss of one model, one line per run.

    Args:
        axes: where.
        epochs: of metrics.csv, counted from 1.
        top: of the loss axis; losses above it are marked by a triangle at the edge.
    """
    axes.set(xlabel="epoch", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if epochs["epoch"].n_unique() == 1:
        axes.set_xlim(epochs["epoch"][0] - 0.5, epochs["epoch"][0] + 0.5)
    axes.grid(True, axis="y")
    keys = [k for k in ("seed", "fold", "learning_rate") if k in epochs.columns]
    for i, run in enumerate(epochs.partition_by(keys, maintain_order=True)):
        for column, name, colour, dashes in LINES:
            if column in run.columns:
                axes.plot(
                    run["epoch"],
                    run[column],
                    color=colour,
                    linestyle=dashes,
                    linewidth=1.1,
                    marker="o" if run.height == 1 else None,
                    label=name if i == 0 else None,
                )
                if top is not None:
                    _mark_above(axes, run.filter(pl.col(column) > top)["epoch"], top, colour)
    if top is not None:
        axes.set_ylim(0, top)


def _mark_above(axes: Axes, epochs: pl.Series, top: float, colour: str) -> None:
    if len(epochs):  # an empty line that is not clipped has no extent, and spoils the layout
        style = {"marker": "^", "markersize": 5, "linestyle": "none", "clip_on": False}
        axes.plot(epochs, [top] * len(epochs), color=colour, **style)

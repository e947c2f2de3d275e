"""The slides of one model in a row: their tiles' probabilities, their call, their label."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes

from her2bench.core.vocabulary import model_label
from her2bench.report.figures.inline import inlined
from her2bench.report.figures.palette import GRID, INK, MUTED, PAPER
from her2bench.report.figures.style import STYLE, Drawn, Sheet, sheet
from her2bench.report.labels import slug

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PER_ROW, PER_NARROW_ROW = 68, 26
_WIDE, _NARROW, _HEIGHT = 9.0, 3.9, 2.1  # inches; the height of one row of slides
_LABEL, _CALL = -0.14, -0.26  # where label and call stand below the axis
_MOST_LETTERS = 18


def strip_table(tiles: pl.DataFrame, slides: pl.DataFrame) -> pl.DataFrame:
    """One row per slide, the least probable first: its tiles' quantiles, its call and label.

    Args:
        tiles: of one model and seed.
        slides: of the same, with `call` and `threshold`.
    """
    named = zip(QUANTILES, ("p05", "p25", "p50", "p75", "p95"), strict=True)
    spread = tiles.group_by("fold", "group_id").agg(
        pl.len().alias("tiles"),
        *(pl.col("probability").quantile(q, "linear").alias(name) for q, name in named),
    )
    kept = slides.select("fold", "group_id", "target", "probability", "threshold", "call")
    table = kept.join(spread, on=["fold", "group_id"])
    return table.with_columns(
        threshold=1 / (1 + (-pl.col("threshold")).exp()),
        error=pl.col("call") != (pl.col("target") == 1),
    ).sort("probability", "group_id", "fold")


def draw_strip(model: str, table: pl.DataFrame, unit: str, colour: str, folder: Path) -> Drawn:
    """Draw the strip, in as many rows as the slides need; on a phone in more.

    Args:
        model: its name.
        table: as `strip_table` gives it.
        unit: what the report calls a slide.
        colour: of the model.
        folder: where the files go.
    """
    title = f"{model_label(model)}: the tiles of each {unit}, its prediction and its label"
    name = f"slides-{slug(model)}"
    rows = -(-table.height // PER_ROW)
    with sheet(folder, name, title, table, (_WIDE, _HEIGHT * rows), (rows, 1)) as page:
        _draw_rows(page, table, PER_ROW, unit, colour)
    narrow_rows = -(-table.height // PER_NARROW_ROW)
    with mpl.rc_context(STYLE):
        narrow = Sheet(_NARROW, _HEIGHT * narrow_rows, (narrow_rows, 1))
        _draw_rows(narrow, table, PER_NARROW_ROW, unit, colour)
        return replace(page.drawn, narrow=inlined(narrow.svg(), f"{name}-narrow", title))


def _draw_rows(page: Sheet, table: pl.DataFrame, most: int, unit: str, colour: str) -> None:
    for axes, part in zip(page.panels, _parts(table, len(page.panels)), strict=True):
        _draw_row(axes, part, min(most, table.height), colour)
    between = "\n" if most == PER_NARROW_ROW else "; "
    page.panels[-1].set_xlabel(f"{unit}s, by their probability{between}× and name: misclassified")


def _parts(table: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """The slides in rows of nearly one length."""
    for places in np.array_split(np.arange(table.height), rows):
        yield table[places]


def _draw_row(axes: Axes, part: pl.DataFrame, width: int, colour: str) -> None:
    x, column = np.arange(part.height), part.to_dict()
    axes.hlines([0, 0.5, 1], -0.7, width - 0.3, color=GRID, linewidth=0.7, zorder=0)
    upright, flat, threshold = (x, x), (x - 0.28, x + 0.28), (x - 0.5, x + 0.5)
    _strokes(axes, upright, (column["p05"], column["p95"]), color=colour, linewidth=0.8)
    _strokes(axes, upright, (column["p25"], column["p75"]), color=colour, linewidth=3.2, alpha=0.55)
    _strokes(axes, flat, (column["p50"],) * 2, color=colour, linewidth=1.2)
    _strokes(axes, threshold, (column["threshold"],) * 2, color=MUTED, linewidth=0.9)
    axes.plot(x, column["probability"], "o", color=INK, markersize=3, linestyle="none")
    _squares(axes, x, _LABEL, column["target"].to_numpy() == 1)
    _squares(axes, x, _CALL, column["call"].to_numpy())
    for place, slide in enumerate(column["group_id"]):
        if column["error"][place]:
            _mark(axes, place, str(slide))
    axes.set(ylim=(-0.33, 1.03), xlim=(-0.7, width - 0.3), xticks=[])
    axes.set_yticks([_CALL, _LABEL, 0, 0.5, 1], ["predicted", "label", "0", "0.5", "1"])
    axes.spines["bottom"].set_visible(False)


def _strokes(axes: Axes, x: tuple, y: tuple, **style: Any) -> None:
    """One line per slide, all in one path: a page with many models stays small."""
    gap = np.full(len(x[0]), np.nan)
    points = (np.stack([*ends, gap], axis=1).ravel() for ends in (x, y))
    axes.plot(*points, solid_capstyle="butt", **style)


def _squares(axes: Axes, x: np.ndarray, y: float, positive: np.ndarray) -> None:
    """Full where positive, empty where negative."""
    for chosen, face in ((positive, INK), (~positive, PAPER)):
        axes.plot(
            x[chosen],
            np.full(int(chosen.sum()), y),
            marker="s",
            markersize=4,
            markerfacecolor=face,
            markeredgecolor=INK,
            markeredgewidth=0.7,
            linestyle="none",
        )


def _mark(axes: Axes, place: int, slide: str) -> None:
    """A cross above a misclassified slide, and its name."""
    axes.plot(place, 1.07, "x", color=INK, markersize=5, markeredgewidth=1.4, clip_on=False)
    short = slide if len(slide) <= _MOST_LETTERS else f"…{slide[1 - _MOST_LETTERS :]}"
    axes.text(
        place, 1.13, short, rotation=90, ha="center", va="bottom", fontsize=6, color=INK,
        parse_math=False,
    )  # fmt: skip

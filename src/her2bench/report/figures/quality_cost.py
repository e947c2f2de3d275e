"""Quality against cost: a metric with its interval over what a model costs, one point per model."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.figures.inline import inlined
from her2bench.report.figures.label_column import LINE, label_column
from her2bench.report.figures.palette import GRID, MUTED
from her2bench.report.figures.style import STYLE, Drawn, Sheet, sheet
from her2bench.report.formats import large
from her2bench.report.sections.costs import CostPoint

_WIDTH, _NARROW = 7.2, 4.2  # inches
_HEAD, _LEAST = 1.2, 3.4  # inches: the axis and its label, and the least height
_LETTERS = {_WIDTH: 34, _NARROW: 18}  # in a line of a label
_APART = 1.05  # inches between ticks, before the names have taken their part of the width
_ABREAST = 0.018  # of the axis, between points of the same cost


@dataclass(frozen=True)
class CostAxis:
    """What the horizontal axis shows; `absent` is the tick of models without a value."""

    label: str
    absent: str
    less_is_cheaper: bool = True


COSTS = {
    "multiply_adds": CostAxis("multiply-adds per tile", "not\ncounted"),
    "parameters": CostAxis("parameters", "not\nknown"),
    "train_seconds": CostAxis("training time of one run, seconds", "not\nmeasured"),
    "predict_tiles_per_second": CostAxis("images per second, prediction", "not\nmeasured", False),
}
"""The costs that can be drawn, by their column in table.csv."""


def draw_quality_cost(
    points: Sequence[CostPoint],
    styles: Mapping[str, dict[str, Any]],
    cost: str,
    metric: str,
    title: str,
    folder: Path,
) -> Drawn | None:
    """Draw the models with a metric; None where no cost is known.

    Args:
        points: one per model.
        styles: model → how its line looks.
        cost: one of `COSTS`.
        metric: of the points.
        title: what the figure shows.
        folder: where the files go.
    """
    if not any(point.cost for point in points):
        return None
    data = pl.DataFrame(
        [{"model": p.model, cost: p.cost, "value": p.value, "low": p.low, "high": p.high}
         for p in points],
        infer_schema_length=None,
    )  # fmt: skip
    with sheet(folder, "cost", title, data, _size(points, _WIDTH)) as page:
        quality_cost(page.axes, points, styles, cost, metric, _LETTERS[_WIDTH])
    with mpl.rc_context(STYLE):
        narrow = Sheet(*_size(points, _NARROW))
        quality_cost(narrow.axes, points, styles, cost, metric, _LETTERS[_NARROW])
        return replace(page.drawn, narrow=inlined(narrow.svg(), "cost-narrow", title))


def quality_cost(
    axes: Axes,
    points: Sequence[CostPoint],
    styles: Mapping[str, dict[str, Any]],
    cost: str,
    metric: str,
    letters: int = _LETTERS[_WIDTH],
) -> None:
    """Draw each model's metric with its interval over its cost, its name on the right.

    Models without that cost stand at the left edge. The dotted line is the best value at a cost
    or less.

    Args:
        axes: where.
        points: one per model, at least one with a cost.
        styles: model → how its line looks.
        cost: one of `COSTS`.
        metric: of the points.
        letters: of a name in one line.
    """
    about = COSTS[cost]
    low, high = _range([p.cost for p in points if p.cost])
    edge = low - 0.2 * (high - low)
    places = _places([math.log10(p.cost) if p.cost else edge for p in points], high - low)
    axes.set_xscale("log")
    _draw_best(axes, points, places, about.less_is_cheaper, METRICS[metric].higher_is_better)
    for point, place in zip(points, places, strict=True):
        _draw_point(axes, point, 10**place, styles[point.model])
    figure: Any = axes.figure
    ticks = _ticks(low, high, axes.get_window_extent().width / figure.dpi)
    names = [large(tick) for tick in ticks]
    left = low - 0.08 * (high - low)
    if not all(p.cost for p in points):
        axes.axvline(10 ** (low - 0.1 * (high - low)), color=GRID, linewidth=1.4)
        ticks, names = [10**edge, *ticks], [about.absent, *names]
        left = edge - 0.08 * (high - low)
    axes.set_xticks(ticks, names)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(10**left, 10 ** (high + 0.06 * (high - low)))
    axes.set(xlabel=about.label, ylabel=METRICS[metric].label)
    axes.grid(True, axis="y")
    label_column(
        axes,
        [_wrapped(point.model, letters) for point in points],
        [(10**place, point.value) for point, place in zip(points, places, strict=True)],
        [str(styles[point.model]["color"]) for point in points],
    )


def _size(points: Sequence[CostPoint], width: float) -> tuple[float, float]:
    lines = sum(len(_wrapped(point.model, _LETTERS[width])) for point in points)
    return width, max(_LEAST, _HEAD + LINE * lines)


def _range(costs: list[float]) -> tuple[float, float]:
    """The decades of the axis, at least one and a half."""
    low, high = math.log10(min(costs)), math.log10(max(costs))
    missing = max(0.0, 1.5 - (high - low)) / 2
    return low - missing, high + missing


def _places(logs: list[float], span: float) -> list[float]:
    """Where points are drawn, decimal logarithms: those of nearly the same cost side by side."""
    step = _ABREAST * span
    places = list(logs)
    order = sorted(range(len(logs)), key=lambda i: logs[i])
    groups: list[list[int]] = []
    for i in order:
        if groups and logs[i] - logs[groups[-1][0]] < step:
            groups[-1].append(i)
        else:
            groups.append([i])
    for group in groups:
        for k, i in enumerate(group):
            places[i] = logs[i] + step * (k - (len(group) - 1) / 2)
    return places


def _ticks(low: float, high: float, inches: float) -> list[float]:
    """Round costs on the axis, as many as have room, at least two."""
    ticks: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(low), math.ceil(high) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps]
        found = [tick for tick in found if low - 0.01 <= math.log10(tick) <= high + 0.01]
        logs = [math.log10(tick) for tick in found]
        apart = min((b - a for a, b in pairwise(logs)), default=1.0)
        if len(found) < 2 and ticks:
            break
        ticks = found
        if apart / (high - low) * inches >= _APART:
            break
    return ticks


def _draw_point(axes: Axes, point: CostPoint, x: float, style: dict[str, Any]) -> None:
    if point.low is not None and point.high is not None:
        axes.plot([x, x], [point.low, point.high], **style)
    axes.plot(x, point.value, "o" if point.cost else "s", color=style["color"], markersize=6)


def _draw_best(
    axes: Axes, points: Sequence[CostPoint], places: list[float], less: bool, higher: bool
) -> None:
    """The best value at a cost or less, as steps."""
    better = max if higher else min
    ends: list[tuple[float, float]] = []
    for place, point in sorted(
        zip(places, points, strict=True), key=lambda e: e[0], reverse=not less
    ):
        best = better(ends[-1][1], point.value) if ends else point.value
        ends.append((10**place, best))
    xs, ys = zip(*ends, strict=True)
    style = {"color": MUTED, "linewidth": 0.9, "linestyle": (0, (1, 2))}
    axes.plot(xs, ys, drawstyle="steps-post", **style)


def _wrapped(model: str, letters: int) -> list[str]:
    return textwrap.wrap(model_label(model), letters) or [model]

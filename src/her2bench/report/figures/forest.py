"""The forest plot: every pair's difference with its interval, and the margin drawn in."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes

from her2bench.core.scores import Pair
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.figures.inline import inlined
from her2bench.report.figures.palette import BAND, INK, MUTED, PAPER, SERIES
from her2bench.report.figures.style import STYLE, Drawn, Sheet, sheet
from her2bench.report.formats import percent

COLUMNS = (
    "model_a", "model_b", "difference", "low", "high", "p_value", "p_adjusted", "margin",
    "decision", "verdict",
)  # fmt: skip
_WIDTH, _NARROW = 8.5, 4.2  # inches
_HEAD, _ROW, _TALL_ROW = 0.75, 0.28, 0.44  # inches: the axis, and one row per pair


def draw_forest(
    pairs: list[Pair], metric: str, margin: float, confidence: float, folder: Path
) -> Drawn | None:
    """Draw the pairs of one metric, from the top down; None where no pair has a difference.

    Args:
        pairs: of scores.json.
        metric: the primary one.
        margin: half the width of the equivalence band, in units of the metric.
        confidence: of the intervals, 0 to 1.
        folder: where the files go.
    """
    pairs = [pair for pair in pairs if pair.difference is not None]
    if not pairs:
        return None
    data = pl.DataFrame(
        [{k: getattr(pair, k) for k in COLUMNS} for pair in pairs], infer_schema_length=None
    )
    name = METRICS[metric].label
    title = f"Difference in {name} for every pair of models, with {percent(confidence)} intervals"
    with sheet(folder, "differences", title, data, forest_size(len(pairs))) as page:
        forest(page.axes, pairs, name, margin)
    with mpl.rc_context(STYLE):
        narrow = Sheet(_NARROW, _HEAD + _TALL_ROW * len(pairs))
        _draw_rows(narrow.axes, pairs, margin, above=True)
        narrow.axes.set_xlabel(f"difference in {name}\n(band: ±{margin:g})")
        return replace(page.drawn, narrow=inlined(narrow.svg(), "differences-narrow", title))


def forest(axes: Axes, pairs: list[Pair], name: str, margin: float) -> None:
    """Draw each pair's difference with its interval, one row per pair, and the margin.

    Args:
        axes: where.
        pairs: with a difference.
        name: of the metric.
        margin: half the width of the equivalence band, in units of the metric.
    """
    _draw_rows(axes, pairs, margin)
    axes.set_xlabel(f"difference in {name}, first minus second  (band: ±{margin:g})")


def forest_size(pairs: int) -> tuple[float, float]:
    """Width and height in inches of the plot of so many pairs."""
    return _WIDTH, _HEAD + _ROW * pairs


def _draw_rows(axes: Axes, pairs: list[Pair], margin: float, above: bool = False) -> None:
    """The rows; the names stand on the left of the axes, or `above` each row on a phone."""
    axes.axvspan(-margin, margin, color=BAND, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for place, pair in enumerate(pairs):
        y = len(pairs) - 1 - place
        _draw_interval(axes, pair, y)
        _write_pair(axes, pair, y, above)
    axes.set(ylim=(-0.6, len(pairs) - 0.35), yticks=[], xlim=_limits(pairs, margin))
    axes.spines["left"].set_visible(False)


def _draw_interval(axes: Axes, pair: Pair, y: float) -> None:
    decided = pair.decision in ("a", "b")
    colour = SERIES[0] if decided else MUTED
    if pair.low is not None and pair.high is not None:
        ends = [pair.low, pair.high]
        axes.plot(ends, [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(
        pair.difference or 0.0,
        y,
        marker="s",
        markersize=5.5,
        markerfacecolor=colour if decided else PAPER,
        markeredgecolor=colour,
        linestyle="none",
    )


def _write_pair(axes: Axes, pair: Pair, y: float, above: bool) -> None:
    numbers = f"{pair.difference or 0.0:+.3f}"
    if pair.low is not None and pair.high is not None:
        numbers += f" ({pair.low:+.2f} to {pair.high:+.2f})"
    names = f"{model_label(pair.model_a)} − {model_label(pair.model_b)}"
    weight = "bold" if pair.decision in ("a", "b") else "normal"
    text = {"transform": axes.get_yaxis_transform(), "color": INK, "parse_math": False}
    text |= {"fontsize": 8.5, "va": "bottom" if above else "center"}
    y, left, right = (y + 0.2, 0, 1) if above else (y, -0.02, 1.02)
    axes.text(left, y, names, ha="left" if above else "right", weight=weight, **text)
    side = "right" if above else "left"
    axes.text(right, y, numbers.replace("-", "−"), ha=side, **text)


def _limits(pairs: list[Pair], margin: float) -> tuple[float, float]:
    ends = [end for pair in pairs for end in (pair.low, pair.high, pair.difference)]
    reach = 1.08 * max(abs(end) for end in (*ends, 1.5 * margin) if end is not None)
    return -reach, reach

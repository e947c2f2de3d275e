"""The forest plot: every pair's difference with its interval, and the margin drawn in."""

from pathlib import Path

import polars as pl
from matplotlib.axes import Axes

from her2bench.core.scores import Pair
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.figures.palette import BAND, INK, MUTED, PAPER, SERIES
from her2bench.report.figures.style import Drawn, sheet
from her2bench.report.formats import percent

COLUMNS = (
    "model_a", "model_b", "difference", "low", "high", "p_value", "p_adjusted", "margin",
    "decision", "verdict",
)  # fmt: skip


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
    height = 0.9 + 0.44 * len(pairs)
    with sheet(folder, "differences", title, data, (4.9, height)) as page:
        forest(page.axes, pairs, name, margin)
    return page.drawn


def forest(axes: Axes, pairs: list[Pair], name: str, margin: float) -> None:
    """Draw each pair's difference with its interval, from the top down, and the margin.

    Args:
        axes: where.
        pairs: with a difference.
        name: of the metric.
        margin: half the width of the equivalence band, in units of the metric.
    """
    axes.axvspan(-margin, margin, color=BAND, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for place, pair in enumerate(pairs):
        _draw_pair(axes, pair, len(pairs) - 1 - place)
    axes.set(
        ylim=(-0.6, len(pairs) - 0.35),
        yticks=[],
        xlabel=f"difference in {name}, first minus second  (band: ±{margin:g})",
    )
    axes.spines["left"].set_visible(False)
    axes.set_xlim(*_limits(pairs, margin))


def _draw_pair(axes: Axes, pair: Pair, y: float) -> None:
    decided = pair.decision in ("a", "b")
    colour = SERIES[0] if decided else MUTED
    value, low, high = pair.difference or 0.0, pair.low, pair.high
    numbers = f"{value:+.3f}"
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
        numbers += f" ({low:+.2f} to {high:+.2f})"
    axes.plot(
        value,
        y,
        marker="s",
        markersize=5.5,
        markerfacecolor=colour if decided else PAPER,
        markeredgecolor=colour,
        linestyle="none",
    )
    names = f"{model_label(pair.model_a)} − {model_label(pair.model_b)}"
    side = axes.get_yaxis_transform()
    text = {"transform": side, "va": "bottom", "fontsize": 8.5, "parse_math": False}
    axes.text(0, y + 0.2, names, color=INK, weight="bold" if decided else "normal", **text)
    axes.text(1, y + 0.2, numbers.replace("-", "−"), color=INK, ha="right", **text)


def _limits(pairs: list[Pair], margin: float) -> tuple[float, float]:
    ends = [end for pair in pairs for end in (pair.low, pair.high, pair.difference)]
    reach = 1.08 * max(abs(end) for end in (*ends, 1.5 * margin) if end is not None)
    return -reach, reach

"""Quality against cost: where points and names stand, and what stands at the edge."""

from itertools import pairwise

import matplotlib as mpl
import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from her2bench.report.figures.label_column import spread
from her2bench.report.figures.palette import line_style
from her2bench.report.figures.quality_cost import COSTS, draw_quality_cost, quality_cost
from her2bench.report.figures.style import STYLE
from her2bench.report.sections.costs import CostPoint

POINTS = [
    CostPoint("lenet", 4_000_000, 0.80, 0.7, 0.9),
    CostPoint("alexnet", 95_000_000, 0.78, None, None),
    CostPoint("mini_hahnet", 900_000_000, 0.85, 0.75, 0.95),
    CostPoint("dab_baseline", None, 0.82, 0.7, 0.9),
]
NAMES = [point.model for point in POINTS]
STYLES = {name: line_style(name, NAMES, ["dab_baseline"]) for name in NAMES}


def drawn(points, cost="multiply_adds", metric="roc_auc", letters=34):
    with mpl.rc_context(STYLE):
        axes = Figure(figsize=(7, 4), layout="constrained").subplots()
        styles = {p.model: STYLES.get(p.model, STYLES["lenet"]) for p in points}
        quality_cost(axes, points, styles, cost, metric, letters)
        axes.figure.draw_without_rendering()
    return axes


def test_points_stand_at_their_cost_and_baselines_at_the_edge():
    axes = drawn(POINTS)
    circles = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    (square,) = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "s"]
    assert circles == pytest.approx([4e6, 95e6, 9e8])
    assert axes.get_xlim()[0] < square < 4e6
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels[0] == "not\ncounted" and "100 M" in labels
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("multiply-adds per tile", "ROC-AUC")


def test_without_baselines_there_is_no_edge():
    assert "not\ncounted" not in [t.get_text() for t in drawn(POINTS[:3]).get_xticklabels()]


@pytest.mark.parametrize(
    ("cost", "metric", "steps"),
    [
        ("multiply_adds", "roc_auc", [0.82, 0.82, 0.82, 0.85]),
        ("multiply_adds", "brier", [0.82, 0.80, 0.78, 0.78]),
        ("predict_tiles_per_second", "roc_auc", [0.85, 0.85, 0.85, 0.85]),
    ],
)
def test_the_steps_are_the_best_at_a_cost_or_less(cost, metric, steps):
    (line,) = [it for it in drawn(POINTS, cost, metric).lines if it.get_drawstyle() == "steps-post"]
    assert list(line.get_ydata()) == steps


def test_names_and_points_of_the_same_cost_do_not_overlap():
    points = [CostPoint(f"network_{i}", 8e6 + i, 0.8 + i / 1000, 0.7, 0.9) for i in range(12)]
    points += [CostPoint("a network with a name of several words", 5e7, 0.8, 0.7, 0.9)]
    for letters in (34, 18):
        axes = drawn(points, letters=letters)
        boxes = sorted(
            (Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0
        )
        assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))
    xs = sorted(line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o")
    assert all(b / a > 1.02 for a, b in pairwise(xs))


def test_labels_keep_their_order_and_stay_inside_where_they_fit():
    places = spread([0.0, 0.01, 0.5, 0.99, 1.0], [0.1, 0.1, 0.1, 0.2, 0.1])
    assert places == sorted(places) and places[0] >= 0.05 and places[-1] <= 0.95
    assert places[2] == 0.5
    assert places[4] - places[3] == pytest.approx(0.15)


def test_all_files_are_written_and_none_without_a_cost(tmp_path):
    figure = draw_quality_cost(POINTS, STYLES, "multiply_adds", "roc_auc", "Title", tmp_path)
    assert figure and 'aria-label="Title"' in figure.svg and figure.narrow
    assert {path.suffix for path in tmp_path.glob("cost.*")} == {".png", ".svg", ".pdf", ".csv"}
    table = pl.read_csv(tmp_path / "cost.csv")
    assert table["multiply_adds"].to_list() == [4e6, 95e6, 9e8, None]
    assert draw_quality_cost(POINTS[3:], STYLES, "multiply_adds", "roc_auc", "T", tmp_path) is None


def test_one_network_has_ticks_too():
    for cost in COSTS:
        labels = [t.get_text() for t in drawn(POINTS[:1], cost).get_xticklabels()]
        assert len(labels) >= 2

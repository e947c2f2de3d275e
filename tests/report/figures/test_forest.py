"""The forest plot: one compact row per pair, whole names on the left."""

from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from tests.report.conftest import _pair

from her2bench.report.figures.forest import draw_forest, forest, forest_size

PAIRS = [_pair("lenet", "alexnet"), _pair("mini_hahnet", "dab_baseline")]


def drawn(pairs):
    figure = Figure(figsize=forest_size(len(pairs)), layout="constrained")
    axes = figure.subplots()
    forest(axes, pairs, "ROC-AUC", 0.02)
    figure.draw_without_rendering()
    return figure, axes


def test_names_stand_left_of_the_axis_on_their_row_in_one_line() -> None:
    _, axes = drawn(PAIRS)
    edge = axes.get_window_extent().x0
    names = [text for text in axes.texts if "−" in text.get_text() and "(" not in text.get_text()]
    assert [text.get_text() for text in names] == [
        "LeNet − AlexNet",
        "mini-HAHNet − DAB baseline",
    ]
    for text, y in zip(names, (1, 0), strict=True):
        box = text.get_window_extent()
        assert box.x1 <= edge and box.x0 >= 0
        assert text.get_position()[1] == y


def test_a_row_takes_about_a_quarter_of_an_inch() -> None:
    assert forest_size(11)[1] - forest_size(10)[1] == pytest.approx(0.28)
    _, axes = drawn(PAIRS * 8)
    boxes = [text.get_window_extent() for text in axes.texts[::2]]
    assert all(a.y0 >= b.y1 for a, b in pairwise(boxes))


def test_a_phone_has_its_own_drawing(tmp_path) -> None:
    figure = draw_forest(PAIRS, "roc_auc", 0.02, 0.95, tmp_path)
    assert figure and figure.svg != figure.narrow and "mini-HAHNet" in figure.narrow


def test_without_a_difference_nothing_is_drawn(tmp_path) -> None:
    assert (
        draw_forest([replace(PAIRS[0], difference=None)], "roc_auc", 0.02, 0.95, tmp_path) is None
    )

"""The decision curves: numbers behind the figure, lines for all and none, calibrated or not."""

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from tests.evaluation.conftest import simulated

import her2bench as hb
from her2bench.core.errors import UserError
from her2bench.evaluation.scoring.panels import make_panel
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.evaluation.scoring.settings import ThresholdRule
from her2bench.evaluation.statistics.net_benefit import THRESHOLDS
from her2bench.report.figures.decision import decision_curves, draw_decision


def panels_of(table):
    called, *_ = apply_thresholds(table, ThresholdRule())
    return {m: make_panel(called.filter(pl.col("model") == m), m, "test") for m in ("a", "b")}


def labels(axes):
    return [line.get_label() for line in axes.lines]


def test_the_figure_is_written_with_its_numbers(tmp_path):
    panels = panels_of(simulated())
    probabilities = {m: p.answers.probabilities for m, p in panels.items()}
    curves = decision_curves(panels, probabilities, ["a"], None)
    drawn = draw_decision(curves, [], "test", tmp_path)
    assert {p.suffix for p in tmp_path.glob("decision.*")} == {".svg", ".png", ".pdf", ".csv"}
    assert "<svg" in drawn.svg and "all tiles positive" in drawn.svg
    table = pl.read_csv(tmp_path / "decision.csv")
    assert table["model"].unique(maintain_order=True).to_list() == ["a", "b", "all tiles positive"]
    assert table.filter(pl.col("model") == "a")["calibrated"].all()
    at_half = table.filter((pl.col("model") == "b") & (pl.col("threshold_probability") == 0.5))
    panel = panels["b"]
    hit = panel.answers.probabilities[0] > 0.5
    right, wrong = hit & panel.sample.targets, hit & ~panel.sample.targets
    assert at_half["net_benefit"][0] == pytest.approx(right.mean() - wrong.mean())


def test_it_draws_on_given_axes_from_scores_and_from_predictions():
    table = simulated(splits=("val", "test"))
    results = hb.score(table, bootstrap=0)
    figure, (one, other) = plt.subplots(1, 2)
    assert hb.plot.decision(results, ax=one) is one
    assert hb.plot.decision(table, ax=other) is other
    assert {"a (calibrated)", "all tiles positive", "no tile positive"} <= set(labels(one))
    assert labels(one) == labels(other)
    for mine, theirs in zip(one.lines, other.lines, strict=True):
        assert np.array_equal(mine.get_ydata(), theirs.get_ydata())
    assert one.collections  # the bands
    plt.close(figure)


def test_without_validation_tiles_nothing_is_called_calibrated():
    results = hb.score(simulated(), bootstrap=0, prevalence=0.1)
    axes = hb.plot.decision(results)
    assert "a" in labels(axes) and not any("calibrated" in name for name in labels(axes))
    assert "prevalence of 0.1" in axes.get_ylabel()
    curve = next(line for line in axes.lines if line.get_label() == "all tiles positive")
    assert curve.get_ydata()[0] == pytest.approx(0.1 - 0.9 * THRESHOLDS[0] / (1 - THRESHOLDS[0]))
    plt.close("all")


def test_ensembles_have_curves_too():
    results = hb.score(simulated(seeds=2), bootstrap=0, seed_ensembles=True)
    axes = hb.plot.decision(results)
    assert "a ensemble" in labels(axes)
    plt.close("all")


def test_one_class_has_no_curve():
    table = simulated().with_columns(target=pl.lit(1))
    with pytest.raises(UserError, match="one class only"):
        hb.plot.decision(table)

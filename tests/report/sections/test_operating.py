"""The operating points of the page against `evaluation` itself."""

import numpy as np
import polars as pl
import pytest

from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings, ThresholdRule
from her2bench.evaluation.statistics.predictive_values import npv_at, ppv_at
from her2bench.report.inputs import read_inputs, shown_panels
from her2bench.report.sections.operating import METRICS, operating_points, printed


@pytest.fixture(scope="module")
def points(comparison: ComparisonFolder) -> dict:
    material = read_inputs(comparison)
    return operating_points(shown_panels(material), material.settings)


def rows_at(comparison: ComparisonFolder, probability: float) -> dict:
    """(model, metric) → row, scored by `evaluation` with a fixed threshold."""
    rule = ThresholdRule(kind="fixed", probability=probability)
    table = pl.read_parquet(comparison.predictions)
    scores = score_predictions(table, ScoreSettings(threshold=rule, bootstrap=0))
    return {(row.model, row.metric): row for row in scores.rows if row.split == "test"}


@pytest.mark.parametrize("position", [0, 29, 49, 88, 98])
def test_a_position_is_what_evaluation_gives(
    comparison: ComparisonFolder, points: dict, position: int
) -> None:
    rows = rows_at(comparison, points["positions"][position])
    models = ["lenet", "alexnet", "always_positive", "dab_baseline"]
    for model, entry in zip(models, points["models"], strict=True):
        for metric in METRICS:
            row = rows[model, metric]
            assert entry["points"][position][metric] == [row.value, row.low, row.high]


def test_the_frozen_point_is_the_table_of_results(
    comparison: ComparisonFolder, points: dict
) -> None:
    scores = read_inputs(comparison).scores
    rows = {(r.model, r.metric): r for r in scores.rows if r.split == "test"}
    for metric in METRICS:
        row = rows["lenet", metric]
        assert points["models"][0]["frozen"][metric] == [row.value, row.low, row.high]


def test_counts_add_up(points: dict) -> None:
    for model in points["models"]:
        for point in (model["frozen"], *model["points"]):
            tp, _, fn, _ = point["counts"]
            assert sum(point["counts"]) == pytest.approx(144)
            assert tp + fn == pytest.approx(72)


def test_bayes_agrees_with_counts_at_the_prevalence_of_the_tiles() -> None:
    tp, fp, fn, tn = 30, 10, 20, 140
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    assert ppv_at(sensitivity, specificity, 0.25) == pytest.approx(tp / (tp + fp))
    assert npv_at(sensitivity, specificity, 0.25) == pytest.approx(tn / (tn + fn))


def test_bayes_is_undefined_without_such_calls() -> None:
    assert np.isnan(ppv_at(0.0, 1.0, 0.3)) and np.isnan(npv_at(1.0, 0.0, 0.3))


def test_the_page_prints_undefined_as_such(points: dict) -> None:
    always = printed(points)["models"][2]["frozen"]
    assert always["npv"] == ["undefined", "no interval"]
    assert always["counts"] == ["72", "72", "0", "0"]

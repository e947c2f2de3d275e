"""Curves and reliability against scikit-learn and against what must hold of any curve."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.report.figures.curve_bands import GRID, precision_band, roc_band
from her2bench.report.inputs import read_inputs, shown_panels
from her2bench.report.sections.reliability import (
    calibration_of,
    calibration_rows,
    reliability_table,
)


def panel_of(targets: np.ndarray, logits: np.ndarray, groups: np.ndarray) -> Panel:
    answers = ModelPredictions(
        "m", (0,), logits[None], 1 / (1 + np.exp(-logits[None])), logits[None] > 0
    )
    ids = pl.Series("tile_id", [str(i) for i in range(len(targets))])
    return Panel(LabelledTiles(targets, groups), answers, ids, pl.DataFrame())


@pytest.fixture
def panel() -> Panel:
    rng = np.random.default_rng(3)
    targets = rng.random(300) < 0.4
    groups = np.arange(300) // 10
    return panel_of(targets, rng.normal(targets * 1.0, 1), groups)


def test_the_area_under_the_roc_curve_is_the_auc(panel: Panel) -> None:
    area = float(np.trapezoid(roc_band(panel).value, GRID))
    auc = roc_auc_score(panel.sample.targets, panel.answers.logits[0])
    assert area == pytest.approx(auc, abs=0.01)


def test_the_curve_lies_in_its_band_and_rises(panel: Panel) -> None:
    band = roc_band(panel)
    assert (band.low <= band.value + 1e-9).all() and (band.value <= band.high + 1e-9).all()
    assert (np.diff(band.value) >= -1e-12).all() and band.value[-1] == 1
    assert (band.high - band.low).max() > 0.05


def test_slides_that_are_alike_widen_the_band(panel: Panel) -> None:
    alike = panel_of(
        panel.sample.targets[::10].repeat(10),
        panel.answers.logits[0][::10].repeat(10),
        panel.sample.groups,
    )
    alone = panel_of(alike.sample.targets, alike.answers.logits[0], np.arange(300))
    widths = [np.mean(roc_band(p).high - roc_band(p).low) for p in (alike, alone)]
    assert widths[0] > 1.5 * widths[1]


def test_precision_is_never_above_what_some_threshold_reaches(panel: Panel) -> None:
    band = precision_band(panel)
    precision, recall, _ = precision_recall_curve(panel.sample.targets, panel.answers.logits[0])
    for wanted, value in zip(GRID[5::10], band.value[5::10], strict=True):
        reached = precision[recall >= wanted - 1e-12]
        assert np.isclose(reached, value).any()


def test_many_levels_are_thinned_without_moving_the_curve() -> None:
    rng = np.random.default_rng(5)
    targets = rng.random(20_000) < 0.5
    logits = rng.normal(targets * 1.5, 1)
    area = float(
        np.trapezoid(roc_band(panel_of(targets, logits, np.arange(20_000) // 40)).value, GRID)
    )
    assert area == pytest.approx(roc_auc_score(targets, logits), abs=0.01)


def test_one_slide_has_no_band(panel: Panel) -> None:
    band = roc_band(panel_of(panel.sample.targets, panel.answers.logits[0], np.zeros(300, int)))
    assert np.isnan(band.low).all() and np.isfinite(band.value).all()


def test_reliability_bins_hold_all_tiles_and_their_own_share(comparison: ComparisonFolder) -> None:
    material = read_inputs(comparison)
    panel = shown_panels(material)["lenet"]
    table = reliability_table(panel, *calibration_of(material, "lenet"), material.settings)
    before = table.filter(pl.col("when") == "before")
    assert before["tiles"].sum() == 144
    mean = (before["observed"] * before["tiles"]).sum() / 144
    assert mean == pytest.approx(panel.sample.targets.mean())
    assert (before["low"] <= before["observed"]).all()
    assert (before["observed"] <= before["high"]).all()
    after = table.filter(pl.col("when") == "platt")
    assert after["probability"].to_list() != before["probability"].to_list()


def test_the_errors_before_calibration_are_those_of_the_scores(
    comparison: ComparisonFolder,
) -> None:
    material = read_inputs(comparison)
    panel = shown_panels(material)["alexnet"]
    none, *_ = calibration_rows(panel, *calibration_of(material, "alexnet"), material.settings)
    scored = {
        r.metric: r.value
        for r in material.scores.rows
        if r.model == "alexnet" and r.split == "test"
    }
    for metric in ("brier", "log_loss", "calibration_error"):
        assert none[metric].value == pytest.approx(scored[metric])
        assert none[metric].low < none[metric].value < none[metric].high


def test_curves_of_folds_lie_over_the_values_within_folds() -> None:
    rng = np.random.default_rng(4)
    groups = np.arange(600) // 10
    folds = groups % 4
    targets = rng.random(600) < 0.3 + 0.1 * folds
    logits = rng.normal(targets * 1.5, 1) + 4 * folds
    panel = panel_of(targets, logits, groups)
    answers = replace(panel.answers, folds=folds[None])
    panel = replace(panel, answers=answers)
    for band, metric in (
        (roc_band(panel), "roc_auc"),
        (precision_band(panel), "average_precision"),
    ):
        value = estimate(metric, panel.sample, answers, 15).value
        assert float(np.trapezoid(band.value, GRID)) == pytest.approx(value, abs=0.015)
        assert (band.low <= band.value + 1e-9).all() and (band.value <= band.high + 1e-9).all()

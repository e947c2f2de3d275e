"""Intervals against statsmodels and against their definitions."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from tests.evaluation.conftest import answers_of, simulated

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.metric_intervals import (
    auc_interval,
    interval_of,
    proportion_interval,
)
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics import intervals
from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.probabilistic import sigmoid


@pytest.mark.parametrize(("hits", "n"), [(8, 217), (0, 40), (40, 40), (17, 30)])
def test_wilson_is_statsmodels(hits, n):
    ours = intervals.wilson(hits / n, n, stats.norm.ppf(0.975))
    assert ours == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)


def logits(interval):
    return np.log(np.array(interval) / (1 - np.array(interval)))


def test_with_many_slides_the_logit_interval_is_wald_s():
    quantile = stats.t.ppf(0.975, 12)
    half = quantile * 0.03 / (0.8 * 0.2)
    low, high = logits(intervals.logit_interval(0.8, 0.03**2, 1e12, quantile))
    assert [low, high] == pytest.approx([np.log(4) - half, np.log(4) + half])


def test_near_1_half_a_slide_of_chance_draws_the_lower_end_out():
    """The end is Wald's of the value with the pseudo-slide; the other end stays."""
    value, error, slides = 0.99, 0.004, 20
    plain = np.log(99) + np.array([-2, 2]) * error / (value * (1 - value))
    moved = (20 * value + 0.25) / 20.5
    wider = error * np.sqrt(moved * (1 - moved) / (value * (1 - value)))
    expected = np.log(moved / (1 - moved)) - 2 * wider / (moved * (1 - moved))
    low, high = logits(intervals.logit_interval(value, error**2, slides, 2.0))
    assert (low, high) == pytest.approx((expected, plain[1]))
    assert low < plain[0]
    assert intervals.logit_interval(1 - value, error**2, slides, 2.0) == pytest.approx(
        [1 - 1 / (1 + np.exp(-high)), 1 - 1 / (1 + np.exp(-low))]
    )


def test_expanded_percentiles_give_the_t_interval_of_a_normal_bootstrap():
    """Resampling k slides shrinks the spread by sqrt((k - 1) / k); the levels make up for it."""
    k = 12
    values = np.random.default_rng(0).normal(size=k)
    error = values.std(ddof=1) / np.sqrt(k)
    shrunk = error * np.sqrt((k - 1) / k)
    levels = intervals.expanded_levels(np.sqrt(k / (k - 1)), k - 1, 0.95)
    ends = stats.norm.ppf(levels, values.mean(), shrunk)
    assert ends == pytest.approx(stats.t.interval(0.95, k - 1, values.mean(), error))


def test_percentile_leaves_out_undefined_replicates():
    drawn = np.r_[np.linspace(0, 1, 1001), [np.nan] * 50]
    low, high = intervals.percentile(drawn, 1.0, 9_999, 0.9)
    assert (low, high) == pytest.approx((0.05, 0.95), abs=1e-3)
    assert np.isnan(intervals.percentile(np.full(5, np.nan), 1.0, 9, 0.95).low)


def test_biased_holds_the_estimate_and_both_plain_and_mirrored():
    drawn = np.random.default_rng(0).normal(0.12, 0.01, 4000)
    low, high = intervals.biased(0.1, drawn, 1.0, 999, 0.95, (0, 1))
    assert low == pytest.approx(0.08 - 0.0196, abs=2e-3)
    assert high == pytest.approx(0.12 + 0.0196, abs=2e-3)
    assert intervals.biased(0.01, drawn, 1.0, 999, 0.95, (0, 1)).low == 0


def slides(scores, targets, size=4):
    groups = np.arange(len(targets)) // size
    return LabelledTiles(np.asarray(targets, bool), groups), answers_of(scores)


def test_a_perfect_auc_still_has_an_interval():
    sample, answers = slides([2.0] * 20 + [-2.0] * 20, [1] * 20 + [0] * 20)
    low, high = auc_interval(estimate("roc_auc", sample, answers, 5), 0.95)
    t = stats.t.ppf(0.975, 4)
    assert high == pytest.approx(1) and low == pytest.approx(5 / (5 + t**2))


def test_a_proportion_of_1_counts_slides_not_tiles():
    sample, answers = slides([2.0] * 40, [1] * 40)
    low, high = proportion_interval(estimate("sensitivity", sample, answers, 5), 0.95)
    t = stats.t.ppf(0.975, 9)
    assert high == pytest.approx(1) and low == pytest.approx(10 / (10 + t**2))


def test_alternating_slides_do_not_make_more_than_independent_tiles():
    """Every slide the same: no variance between slides, but not more tiles than there are."""
    scores = np.tile([1.0, -1.0], 20)
    sample, answers = slides(scores, [1] * 40)
    ours = proportion_interval(estimate("sensitivity", sample, answers, 5), 0.95)
    assert ours == pytest.approx(proportion_confint(20, 40, method="wilson"), abs=1e-9)


def test_a_constant_model_has_an_auc_of_one_half_for_sure():
    sample, answers = slides([16.0] * 40, [1] * 20 + [0] * 20)
    assert auc_interval(estimate("roc_auc", sample, answers, 5), 0.95) == (0.5, 0.5)


def test_too_few_slides_have_no_interval():
    sample, answers = slides([1.0, -1.0, 2.0, -0.5], [1, 0, 1, 0])
    for name in ("roc_auc", "accuracy", "f1"):
        interval, method = interval_of(
            estimate(name, sample, answers, 5), None, ScoreSettings(bootstrap=0)
        )
        assert np.isnan(interval.low) and method.startswith("no interval")


@pytest.mark.parametrize("name", ["f1", "mcc", "kappa", "balanced_accuracy", "average_precision"])
def test_a_perfect_score_is_not_a_certain_one(name):
    sample, answers = slides([2.0] * 20 + [-2.0] * 20, [1] * 20 + [0] * 20)
    guess = estimate(name, sample, answers, 5)
    low, high = interval_of(guess, np.ones(50), ScoreSettings())[0]
    assert guess.value == 1 and high == pytest.approx(1) and low < 0.75


@pytest.mark.parametrize("bootstrap", [0, 200])
def test_a_constant_models_value_has_no_interval_without_a_basis(bootstrap):
    table = simulated().filter(pl.col("model") == "a")
    rest = table.with_columns(logit=-pl.col("logit"), probability=1 - pl.col("probability"))
    constant = table.with_columns(
        model=pl.lit("c"), logit=pl.lit(1.0), probability=float(sigmoid(np.array([1.0]))[0])
    )
    table = pl.concat([rest, constant])
    settings = ScoreSettings(bootstrap=bootstrap, flips=99, partial_auc=0.2)
    scores = score_predictions(check_predictions(table), settings)
    rows = {row.metric: row for row in scores.rows if row.model == "c"}
    for name in ("roc_auc", "balanced_accuracy", "kappa"):
        assert (rows[name].low, rows[name].high) == (None, None)
        assert rows[name].method == "no interval: no variance between slides"
    assert rows["partial_roc_auc_0.2"].low is None and rows["accuracy"].low is not None
    assert not any(row.low is not None and row.low == row.high for row in scores.rows)
    assert all(p.low is None or p.low < p.high for p in scores.pairs)

"""The calibration error's interval: it must not call noise an error."""

import numpy as np
import pytest
from scipy import special

from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.probabilistic import bin_noise, equal_mass_bins, noise_quantile


def calibrated(rng, slides=40, shift=0.0):
    """Tiles that are positive with exactly the probability given, but for a shift of the logits."""
    groups = np.repeat(np.arange(slides), rng.integers(4, 20, slides))
    z = rng.normal(size=slides)[groups] * 0.8 + rng.normal(size=len(groups))
    targets = rng.random(len(groups)) < special.expit(z)
    logits = z[None] + shift
    answers = ModelPredictions("m", (0,), logits, special.expit(logits), logits > 0)
    return LabelledTiles(targets, groups), answers


def intervals(bins, shift=0.0, studies=60):
    rng, settings = np.random.default_rng(bins), ScoreSettings(bins=bins, bootstrap=0)
    for _ in range(studies):
        sample, answers = calibrated(rng, shift=shift)
        yield interval_of(estimate("calibration_error", sample, answers, bins), None, settings)[0]


@pytest.mark.parametrize("bins", [5, 15])
def test_a_perfectly_calibrated_model_may_be_one(bins):
    assert sum(interval.low > 0 for interval in intervals(bins)) <= 6


@pytest.mark.parametrize("bins", [5, 15])
def test_a_large_error_is_seen_and_covered(bins):
    rng = np.random.default_rng(9)
    sample, answers = calibrated(rng, slides=20_000, shift=1.0)
    truth = estimate("calibration_error", sample, answers, bins).value
    assert truth > 0.15
    found = list(intervals(bins, shift=1.0))
    assert sum(low <= truth <= high for low, high in found) >= 54
    assert all(interval.low > 0 for interval in found)


def test_noise_is_the_covariance_of_the_bins_between_slides():
    """Against a loop over slides and bins."""
    sample, answers = calibrated(np.random.default_rng(1), slides=12)
    p, n = answers.probabilities[0], len(sample.targets)
    where = equal_mass_bins(p, 4)
    excess = (sample.targets - p) / n
    expected = np.zeros((4, 4))
    for g in range(12):
        mine = sample.groups == g
        share = mine.sum() / n
        off = [
            excess[mine & (where == k)].sum() - share * excess[where == k].sum() for k in range(4)
        ]
        expected += np.outer(off, off) / (1 - share) ** 2
    assert bin_noise(sample, answers, 4) == pytest.approx(expected, abs=1e-15)


def test_the_noise_of_one_bin_is_a_half_t():
    from scipy import stats

    found = noise_quantile(np.array([[0.04]]), 1, 9, 0.95)
    assert found == pytest.approx(0.2 * stats.t.ppf(0.975, 9), rel=0.06)

"""The permutation test against loops that swap the models' answers slide by slide."""

import itertools

import numpy as np
import pytest
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles, SeedPredictions
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.permutation import (
    MANY,
    random_signs,
    sign_flip_p_value,
    slide_contributions,
)

MEANS = ("accuracy", "sensitivity", "specificity", "balanced_accuracy", "brier", "log_loss")
RATIOS = ("ppv", "npv", "f1", "mcc", "kappa")


def study(groups=9, seed=0, tilt=0.3):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rng.integers(3, 12, groups))
    targets = rng.random(len(codes)) < 0.6
    noise = rng.normal(size=(2, len(codes)))
    a, b = targets * 1.5 - 0.5 + noise
    return LabelledTiles(targets, codes), answers_of(a + tilt), answers_of(b)


def difference(name, sample, a, b):
    return Difference(estimate(name, sample, a, 5), estimate(name, sample, b, 5))


def swapped(name, sample, a, b, signs):
    """The difference when the models change places in the slides with sign -1."""
    keep = (signs > 0)[sample.groups]
    values = []
    for one, other in ((a, b), (b, a)):
        mixed = answers_of(np.where(keep, one.logits[0], other.logits[0]))
        parts = (mixed.logits[0], mixed.probabilities[0], mixed.calls[0])
        values.append(METRICS[name].of(SeedPredictions(sample.targets, *parts, 5)))
    return values[0] - values[1]


@pytest.mark.parametrize("name", MEANS)
def test_all_swaps_against_a_plain_loop(name):
    sample, a, b = study()
    each = slide_contributions(difference(name, sample, a, b), a, b)
    every = np.array(list(itertools.product([1, -1], repeat=9)))
    seen = swapped(name, sample, a, b, np.ones(9))
    by_loop = [swapped(name, sample, a, b, signs) for signs in every]
    assert every @ each == pytest.approx(by_loop, abs=1e-12)
    expected = np.mean(np.abs(by_loop) >= abs(seen) - 1e-12)
    ours = sign_flip_p_value(each, 9999, np.random.default_rng(0))
    assert ours == pytest.approx(expected)


@pytest.mark.parametrize("name", RATIOS)
def test_ratios_are_swaps_to_third_order(name):
    sample, a, b = study(groups=60, tilt=0.1)
    each = slide_contributions(difference(name, sample, a, b), a, b)
    signs = random_signs(40, 60, np.random.default_rng(1))
    by_loop = [swapped(name, sample, a, b, row) for row in signs]
    assert signs @ each == pytest.approx(by_loop, abs=2e-3)


def test_random_flips_against_a_plain_loop_with_the_same_draws():
    values = np.random.default_rng(5).normal(0.2, 1, 40)
    ours = sign_flip_p_value(values, 999, np.random.default_rng(3))
    signs = random_signs(999, 40, np.random.default_rng(3))
    reached = sum(
        abs(sum(s * v for s, v in zip(row, values, strict=True))) >= abs(values.sum())
        for row in signs
    )
    assert ours == (reached + 1) / 1000


def test_a_p_value_is_never_0_and_never_below_what_slides_allow():
    assert sign_flip_p_value(np.ones(4), 9999, np.random.default_rng(0)) == 2 / 16
    assert sign_flip_p_value(np.ones(60), 999, np.random.default_rng(0)) == 1 / 1000


def test_no_difference_anywhere_is_a_p_value_of_1():
    assert sign_flip_p_value(np.zeros(5), 999, np.random.default_rng(0)) == 1
    assert np.isnan(sign_flip_p_value(np.array([1.0, np.nan]), 99, np.random.default_rng(0)))


def test_slides_without_a_difference_do_not_count():
    padded = np.r_[np.ones(3), np.zeros(50)]
    assert sign_flip_p_value(padded, 999, np.random.default_rng(0)) == 2 / 8


def test_the_limit_for_many_slides_joins_on():
    values = np.random.default_rng(2).normal(0.05, 1, MANY)
    flipped = sign_flip_p_value(values, 20_000, np.random.default_rng(0))
    limit = sign_flip_p_value(np.r_[values, 0.0], 20_000, np.random.default_rng(0))
    assert limit == pytest.approx(flipped, abs=0.01)


def test_shares_of_several_seeds_sum_to_the_difference():
    sample, a, b = study()
    rng = np.random.default_rng(8)
    many = answers_of(a.logits + 0.3 * rng.normal(size=(3, a.logits.shape[1])))
    for name in (*MEANS, "average_precision", "calibration_error"):
        d = difference(name, sample, many, b)
        assert slide_contributions(d, many, b).sum() == pytest.approx(d.value, abs=1e-12)

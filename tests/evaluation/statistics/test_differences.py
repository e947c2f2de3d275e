"""Differences: interval, p-value and equivalence must agree with each other and with the data."""

import numpy as np
import pytest
from scipy import stats
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.differences import (
    Difference,
    Spread,
    difference_interval,
    difference_test,
    equivalence_test,
    limits,
    recipe_spread,
    weights_spread,
)
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.intervals import t_quantile


def study(seed=0, groups=40, tilt=0.6, seeds=1, size=10):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    targets = np.tile(np.arange(size) < size // 2, groups)
    slide = rng.normal(size=groups)[codes]
    a, b = (
        (apart * targets + slide + rng.normal(size=(seeds, len(codes)))) for apart in (1 + tilt, 1)
    )
    return LabelledTiles(targets, codes), answers_of(a), answers_of(b)


def differ(sample, a, b, metric="roc_auc"):
    return Difference(estimate(metric, sample, a, 5), estimate(metric, sample, b, 5))


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "brier", "mcc", "log_loss"])
@pytest.mark.parametrize("tilt", [-0.3, 0.05, 0.4])
def test_the_p_value_is_where_the_interval_touches_0(metric, tilt):
    d = differ(*study(tilt=tilt), metric)
    spread = weights_spread(d)
    p = difference_test(d, spread)
    low, high = difference_interval(d, spread, 1 - p)
    assert (low if d.value > 0 else high) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("tilt", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("margin", [0.02, 0.1])
def test_equivalence_is_where_the_one_sided_interval_touches_the_margin(tilt, margin):
    d = differ(*study(tilt=tilt))
    spread = weights_spread(d)
    p = equivalence_test(d, spread, margin)
    if p < 0.5:
        low, high = limits(d, spread, t_quantile(spread.df, 1 - 2 * p))
        assert max(-low, high) == pytest.approx(margin, abs=1e-7)
    else:
        assert abs(d.value) >= margin
    low, high = limits(d, spread, t_quantile(spread.df, 0.9))
    assert (p < 0.05) == (-margin < low and high < margin)


def test_small_differences_in_large_samples_are_students_t():
    """Far from 0 and 1 and with a small error, MOVER is the difference over its error."""
    d = differ(*study(groups=400, tilt=0.05), "accuracy")
    spread = weights_spread(d)
    plain = 2 * stats.t.sf(abs(d.value) / np.sqrt(d.variance), spread.df)
    assert difference_test(d, spread) == pytest.approx(plain, rel=0.05)
    exact = differ(*study(tilt=0.2), "mcc")  # no logit for a range of -1 to 1
    spread = weights_spread(exact)
    plain = 2 * stats.t.sf(abs(exact.value) / np.sqrt(exact.variance), spread.df)
    assert difference_test(exact, spread) == pytest.approx(plain, abs=1e-8)


def test_swapping_the_models_mirrors_everything():
    sample, a, b = study()
    one, other = differ(sample, a, b), differ(sample, b, a)
    spread, mirrored = weights_spread(one), weights_spread(other)
    assert other.value == -one.value
    low, high = difference_interval(one, spread, 0.95)
    assert difference_interval(other, mirrored, 0.95) == pytest.approx((-high, -low))
    assert difference_test(other, mirrored) == pytest.approx(difference_test(one, spread))
    assert equivalence_test(other, mirrored, 0.05) == pytest.approx(
        equivalence_test(one, spread, 0.05)
    )


def test_seeds_widen_what_is_said_of_the_recipe():
    rng = np.random.default_rng(3)
    sample, a, b = study(seeds=3)
    moved = answers_of(a.logits + sample.targets * rng.normal(0, 0.8, (3, 1)))
    d = differ(sample, moved, b)
    weights, recipe = weights_spread(d), recipe_spread(d, False, False)
    assert recipe.seeds_a > 0 and recipe.df < weights.df
    narrow = difference_interval(d, weights, 0.95)
    wide = difference_interval(d, recipe, 0.95)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert recipe_spread(d, True, True).seeds == 0


def perfect_and_worse():
    targets = np.repeat([True, False], 40)
    sample = LabelledTiles(targets, np.arange(80) // 8)
    perfect = answers_of(np.where(targets, 2.0, -2.0) + np.linspace(0, 1, 80))
    constant = answers_of(np.full(80, 16.0))
    inverted = answers_of(-perfect.logits)
    return sample, perfect, constant, inverted


def test_perfect_constant_and_inverted_models():
    sample, perfect, constant, inverted = perfect_and_worse()
    for worse, gap, least in ((constant, 0.5, -0.2), (inverted, 1.0, 0.0)):
        d = differ(sample, perfect, worse)
        spread = weights_spread(d)
        assert d.value == gap and d.variance == 0
        low, high = difference_interval(d, spread, 0.95)
        assert least < low < gap <= high + 1e-12  # five slides a class: far from certain
        assert 1e-3 < difference_test(d, spread) < 0.2


def test_two_perfect_models_on_few_slides_are_not_shown_to_be_equivalent():
    sample, perfect, *_ = perfect_and_worse()
    other = answers_of(perfect.logits**3)
    d = differ(sample, perfect, other)
    spread = weights_spread(d)
    assert d.value == 0 and difference_test(d, spread) == 1
    assert equivalence_test(d, spread, 0.02) > 0.05
    low, high = difference_interval(d, spread, 0.95)
    assert low < -0.1 and high > 0.1


def test_identical_models_are_equivalent():
    sample, a, _ = study()
    e = estimate("roc_auc", sample, a, 5)
    d = Difference(e, e, identical=True)
    spread = weights_spread(d)
    assert difference_interval(d, spread, 0.95) == (0, 0)
    assert (difference_test(d, spread), equivalence_test(d, spread, 0.02)) == (1, 0)


def test_unknown_variance_has_no_answer():
    d = differ(*study(groups=1))
    spread = weights_spread(d)
    assert np.isnan(difference_interval(d, spread, 0.95).low)
    assert np.isnan(difference_test(d, spread)) and np.isnan(equivalence_test(d, spread, 0.02))
    assert not Spread(float("nan"), 0, 0, 10, 1).defined


@pytest.mark.parametrize(("seed", "gap"), [(0, 0.0), (1, 0.0), (2, 0.0), (7, 1.5), (23, 1.5)])
def test_near_1_both_movers_and_the_plain_test_must_see_a_difference(seed, gap):
    """MOVER alone calls equal models with an AUC of 0.99 different in up to 9% of studies."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(20), 19)
    targets = np.tile(np.arange(19) < 12, 20)
    a, b = (
        apart * targets + rng.normal(size=20)[codes] * 0.5 + rng.normal(size=380)
        for apart in (3.3 + gap, 3.3)
    )
    d = differ(LabelledTiles(targets, codes), answers_of(a), answers_of(b))
    spread = weights_spread(d)
    plain = 2 * stats.t.sf(abs(d.value) / np.sqrt(d.variance), spread.df)
    p = difference_test(d, spread)
    quantile = t_quantile(spread.df, 1 - p)
    low, high = limits(d, spread, quantile)
    nearest = low if d.value > 0 else -high
    assert p >= plain - 1e-9 and nearest >= -1e-7  # neither alone leaves 0 out by less
    assert p == pytest.approx(plain) or nearest == pytest.approx(0, abs=1e-7)
    assert (p == pytest.approx(plain)) == (gap > 0)  # either decides somewhere
    for confidence in (0.8, 0.95, 1 - p - 1e-6, 1 - p + 1e-6):
        ends = difference_interval(d, spread, confidence)
        assert (ends.low > 0 or ends.high < 0) == (p < 1 - confidence)

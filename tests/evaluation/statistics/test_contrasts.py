"""Contrasts between subgroups, against a t test, a jackknife and sums by hand."""

import numpy as np
import pytest
from scipy import stats
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.contrasts import (
    contrast,
    contrast_test,
    from_the_others,
    part_of_difference,
    part_of_value,
)
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate


def part(metric, sample, scores, chosen):
    there = sample.part(chosen, sample.targets)
    found = estimate(metric, there, answers_of(scores[..., chosen]), 15)
    return found, np.unique(sample.groups[chosen])


def two_scanners(seed=0, slides=24, tiles=9):
    """Tiles of one size of slide; half of the slides from either scanner."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(slides), tiles)
    targets = rng.random(len(groups)) < 0.5
    scores = 1.4 * targets - 0.7 + rng.normal(size=slides)[groups] + rng.normal(size=len(groups))
    return LabelledTiles(targets, groups), scores, groups < slides // 2


def test_of_slides_that_lie_in_one_subgroup_the_variances_add():
    sample, scores, first = two_scanners()
    parts = [part("roc_auc", sample, scores, chosen) for chosen in (first, ~first)]
    c = contrast([part_of_value(*each) for each in parts], from_the_others(2, 0))
    (a, _), (b, _) = parts
    assert c.value == pytest.approx(a.value - b.value)
    assert c.variance == pytest.approx(a.variance + b.variance)
    assert min(a.df, b.df) < c.df <= sample.n_groups - 1


def test_accuracy_of_single_tiles_is_the_two_sample_t_test():
    rng = np.random.default_rng(1)
    sample = LabelledTiles(np.ones(60, bool), np.arange(60))
    scores, first = rng.normal(size=60) + 0.4, np.arange(60) < 25
    parts = [part_of_value(*part("accuracy", sample, scores, chosen)) for chosen in (first, ~first)]
    c = contrast(parts, from_the_others(2, 0))
    right = (scores > 0).astype(float)
    welch = stats.ttest_ind(right[first], right[~first], equal_var=False)
    # The jackknife's factor is n / (n - 1) once more than the t test's.
    assert c.value / np.sqrt(c.variance) == pytest.approx(welch.statistic, rel=0.03)
    assert c.df == pytest.approx(welch.df, rel=0.03)
    _, p_value = contrast_test(c, 0.95)
    assert p_value >= welch.pvalue * 0.97


@pytest.mark.parametrize("metric", ["roc_auc", "sensitivity", "brier"])
def test_of_slides_in_both_subgroups_it_is_the_jackknife_over_slides(metric):
    sample, scores, _ = two_scanners(slides=30)
    first = np.arange(len(scores)) % 2 == 0

    def value(kept):
        chosen = [part(metric, sample, scores, kept & side)[0].value for side in (first, ~first)]
        return chosen[0] - chosen[1]

    parts = [part_of_value(*part(metric, sample, scores, c)) for c in (first, ~first)]
    c = contrast(parts, from_the_others(2, 0))
    whole = value(np.ones(len(scores), bool))
    changes = [whole - value(sample.groups != g) for g in range(30)]
    assert c.value == pytest.approx(whole)
    assert c.variance == pytest.approx(float(np.sum(np.square(changes))), rel=0.06)
    assert c.df <= 29
    apart = sum(float((each.changes**2).sum()) for each in parts)
    assert c.variance != pytest.approx(apart, rel=0.02)  # the pairing counts


def test_a_difference_of_differences():
    sample, scores, first = two_scanners()
    other = scores + np.random.default_rng(3).normal(size=len(scores))
    parts = []
    for chosen in (first, ~first):
        a, slides = part("accuracy", sample, scores, chosen)
        b, _ = part("accuracy", sample, other, chosen)
        parts.append((Difference(a, b), slides))
    c = contrast([part_of_difference(*each) for each in parts], from_the_others(2, 0))
    assert c.value == pytest.approx(parts[0][0].value - parts[1][0].value)
    assert c.variance == pytest.approx(parts[0][0].variance + parts[1][0].variance)


def test_interval_and_p_value_agree():
    for seed in range(30):
        sample, scores, first = two_scanners(seed)
        parts = [part_of_value(*part("roc_auc", sample, scores, c)) for c in (first, ~first)]
        interval, p = contrast_test(contrast(parts, from_the_others(2, 0)), 0.9)
        assert (p < 0.1) == (not interval.low <= 0 <= interval.high)


def test_a_subgroup_without_an_error_is_not_taken_as_certain():
    """A specificity of 1 on five slides, and of 0.85 on many, may well be the same."""
    groups = np.r_[np.repeat(np.arange(5), 4), 5 + np.arange(200)]
    sample = LabelledTiles(np.zeros(len(groups), bool), groups)
    first = groups < 5
    scores = np.where(first, -1.0, np.where(np.arange(len(groups)) % 7 == 0, 1.0, -1.0))
    parts = [part_of_value(*part("specificity", sample, scores, c)) for c in (first, ~first)]
    c = contrast(parts, from_the_others(2, 0))
    assert stats.norm.sf(c.value / np.sqrt(c.variance)) < 1e-4  # the plain test would be sure
    assert contrast_test(c, 0.95)[1] > 0.05


def test_equal_models_have_no_contrast_and_no_variance_no_test():
    sample, scores, first = two_scanners()
    parts = []
    for chosen in (first, ~first):
        found, slides = part("roc_auc", sample, scores, chosen)
        parts.append(part_of_difference(Difference(found, found, True), slides))
    assert contrast_test(contrast(parts, from_the_others(2, 0)), 0.95) == ((0.0, 0.0), 1.0)
    sure = [
        part_of_value(*part("kappa", sample, 2.0 * sample.targets - 1, c)) for c in (first, ~first)
    ]
    interval, p = contrast_test(contrast(sure, from_the_others(2, 0)), 0.95)
    assert np.isnan(p) and np.isnan(interval.low)

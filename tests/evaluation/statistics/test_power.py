"""The power computed beforehand is that of the test made afterwards, in simulation."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.rates import rates
from benchmarks.two_level import TwoLevel
from scipy import stats

from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.power import (
    Assumptions,
    Design,
    degrees,
    detectable_difference,
    difference_variance,
    power,
    slides_needed,
)

STUDIES = [TwoLevel(), TwoLevel(mixed=False), TwoLevel(groups=20, equal=True), TwoLevel(shared=0.8)]


def design_of(sample) -> Design:
    counts = (
        np.bincount(sample.groups[chosen], minlength=sample.n_groups).astype(float)
        for chosen in (sample.targets, ~sample.targets)
    )
    return Design(*counts)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_variance_and_degrees_are_those_of_the_simulated_studies(study):
    rng = np.random.default_rng(0)
    assumed = Assumptions(likeness=study.shared)
    seen, expected, df_seen, df_expected = [], [], [], []
    for _ in range(150):
        sample, answers = study.draw(rng)
        difference = Difference(*(estimate("roc_auc", sample, each, 15) for each in answers))
        design = design_of(sample)
        seen.append(difference.variance)
        df_seen.append(difference.df)
        expected.append(difference_variance(design, assumed))
        df_expected.append(degrees(design, assumed))
    assert np.mean(expected) == pytest.approx(np.mean(seen), rel=0.15)
    assert np.mean(df_expected) == pytest.approx(np.mean(df_seen), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES[1:3], ids=str)
def test_the_detectable_difference_is_seen_four_times_in_five(study):
    rng = np.random.default_rng(1)
    assumed = Assumptions(likeness=study.shared)
    gap = np.median(
        [detectable_difference(design_of(study.draw(rng)[0]), assumed) for _ in range(20)]
    )
    seen = rates(replace(study, gap=float(gap)), 250, np.random.default_rng(2))["weights ours"]
    assert 0.7 < seen < 0.9


def test_independent_tiles_are_the_textbook():
    """One tile per slide: the variance of two independent samples of placements."""
    positive = np.r_[np.ones(50), np.zeros(40)]
    design = Design(positive, 1 - positive)
    assumed = Assumptions(auc=0.5, correlation=0.7, likeness=0.0)
    # At AUC 0.5 placements are uniform: variance 1/12, of two models twice that.
    assert difference_variance(design, assumed) == pytest.approx(
        2 / 12 * (1 / 50 + 1 / 40), rel=0.03
    )
    welch = (1 / 50 + 1 / 40) ** 2 / (1 / 50**2 / 49 + 1 / 40**2 / 39)
    assert degrees(design, assumed) == pytest.approx(welch)


def test_power_without_a_difference_is_the_error_rate():
    design = Design(np.full(30, 5.0), np.full(30, 5.0))
    assert power(0.0, design, Assumptions()) == pytest.approx(0.025, abs=1e-3)


def test_needed_slides_would_do():
    design = Design(np.r_[np.full(10, 20.0), np.zeros(10)], np.r_[np.zeros(10), np.full(10, 20.0)])
    needed = slides_needed(0.05, design, Assumptions())
    times = int(np.ceil(needed / 20))
    larger = Design(np.tile(design.positive, times), np.tile(design.negative, times))
    assert power(0.05, larger, Assumptions()) == pytest.approx(0.8, abs=0.06)


def test_nothing_is_told_of_one_slide():
    design = Design(np.array([5.0, 5.0]), np.array([5.0, 0.0]))
    assert np.isnan(power(0.1, design, Assumptions()))
    assert np.isinf(detectable_difference(design, Assumptions()))
    assert np.isnan(slides_needed(0.05, design, Assumptions()))


def test_covariance_is_the_bivariate_normals():
    from her2bench.evaluation.statistics.power import _covariance

    z, rho = 0.84, -0.15
    both = stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([z, z])
    assert _covariance(z, rho) == pytest.approx(both - stats.norm.cdf(z) ** 2, abs=1e-6)

"""Slides needed against the power that they then have, by simulated studies."""

import math

import numpy as np
import pytest
from scipy import stats

from her2bench.evaluation.statistics.degrees_of_freedom import satterthwaite
from her2bench.evaluation.statistics.differences import Spread
from her2bench.evaluation.statistics.slides_needed import groups_needed, needed_range

NOW, DF = 50, 40  # slides, and degrees of freedom, of the study at hand


def power(target, slides, seeds, n_seeds, groups, repeats=20_000):
    """How often a study of so many slides and seeds, of two alike recipes, sees the target."""
    rng = np.random.default_rng(0)
    variance, df = slides * NOW / groups, DF * groups / NOW
    seen = target + np.sqrt(variance + 2 * seeds) * rng.standard_normal(repeats)
    of_slides = variance * rng.chisquare(df, repeats) / df
    of_seeds = seeds * rng.chisquare(n_seeds - 1, (2, repeats)) / (n_seeds - 1)
    together = of_seeds.sum(0)
    if seeds:
        seeds_df = together**2 / ((of_seeds**2).sum(0) / (n_seeds - 1))
        quantile = of_slides * stats.t.ppf(0.975, df) + together * stats.t.ppf(0.975, seeds_df)
        quantile /= of_slides + together
    else:
        quantile = stats.t.ppf(0.975, df)
    return np.mean(np.abs(seen) > quantile * np.sqrt(of_slides + together))


@pytest.mark.parametrize("target", [0.02, 0.03, 0.05, 0.2])  # the last: few slides
def test_the_slides_needed_have_the_power_promised(target):
    needed = groups_needed(target, Spread(0.03**2, 0.0, 0.0, DF), NOW, 0.05)
    assert power(target, 0.03**2, 0.0, 3, needed) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(3, 0.01), (5, 0.02), (10, 0.02)])
def test_the_recipes_slides_needed_count_the_few_seeds(n_seeds, seed_sd):
    target, seeds = 0.05, seed_sd**2 / n_seeds
    spread = Spread(0.025**2, seeds, seeds, DF, 2 * (n_seeds - 1))
    needed = groups_needed(target, spread, NOW, 0.05)
    assert power(target, 0.025**2, seeds, n_seeds, needed) == pytest.approx(0.8, abs=0.06)


def test_more_slides_do_not_help_against_seeds():
    alone = Spread(0.03**2, 0.0, 0.0, DF)
    assert groups_needed(0.02, Spread(0.01**2, 0.02**2, 0.0, DF, 2), NOW, 0.05) == math.inf
    with_seeds = Spread(0.03**2, 0.02**2, 0.0, DF, 8)
    assert groups_needed(0.1, with_seeds, NOW, 0.05) > groups_needed(0.1, alone, NOW, 0.05)
    few = Spread(0.03**2, 0.02**2, 0.0, DF, 2)  # the same variance, from fewer seeds
    assert groups_needed(0.1, few, NOW, 0.05) > groups_needed(0.1, with_seeds, NOW, 0.05)


def test_the_range_holds_the_number_in_four_studies_of_five_and_its_middle_has_the_power():
    rng = np.random.default_rng(0)
    target, slides = 0.03, 0.02**2
    truth = groups_needed(target, Spread(slides, 0.0, 0.0, DF), NOW, 0.05)
    ranges = [
        needed_range(target, Spread(slides * rng.chisquare(DF) / DF, 0.0, 0.0, DF), NOW, 0.05)
        for _ in range(200)
    ]
    assert np.mean([low <= truth <= high for low, high in ranges]) == pytest.approx(0.8, abs=0.12)
    middles = [power(target, slides, 0.0, 3, (low + high) / 2, 500) for low, high in ranges]
    assert 0.75 < np.mean(middles) < 0.85


def test_joined_degrees_of_freedom_of_a_stable_and_a_volatile_recipe():
    """Three seeds, one recipe's moving the metric: wrong in 5%, with Satterthwaite's in over 7%."""
    rng = np.random.default_rng(0)
    repeats, slides, volatile = 40_000, 1.0, 4.0
    seen = np.sqrt(slides + volatile) * rng.standard_normal(repeats)
    variances = np.array(
        [slides * rng.chisquare(DF, repeats) / DF, volatile * rng.chisquare(2, repeats) / 2]
    )
    error = np.sqrt(variances.sum(0))
    ours = [Spread(v, 0.0, s, DF, 2).df for v, s in variances.T[:4000]]
    wrong = np.mean(np.abs(seen[:4000]) > stats.t.ppf(0.975, ours) * error[:4000])
    usual = variances.sum(0) ** 2 / (variances**2 / [[DF], [2]]).sum(0)
    assert wrong < 0.055 < 0.065 < np.mean(np.abs(seen) > stats.t.ppf(0.975, usual) * error)
    assert satterthwaite([0.0, 4.0], [2, 2]) == 2

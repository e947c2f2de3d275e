"""Single tests: Student's t, equivalence, McNemar; Holm's correction; slides needed."""

import math

import numpy as np
from scipy import stats

from her2bench.evaluation.samples import Bools, Floats

POWER = 0.8


def t_p_value(difference: float, standard_error: float, df: float) -> float:
    """Two-sided p-value of Student's t; 1 if the difference is 0, NaN if the error is not > 0."""
    if difference == 0:
        return 1.0
    if not standard_error > 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(difference) / standard_error, df))


def tost_p_value(difference: float, standard_error: float, df: float, margin: float) -> float:
    """p-value of two one-sided tests: small if the true difference is within ± margin.

    Args:
        difference: between the two models.
        standard_error: of it, above 0.
        df: its degrees of freedom.
        margin: the largest difference that does not matter, above 0.

    Returns:
        The larger p-value of the two tests.

    Source: Schuirmann 1987, J Pharmacokinet Biopharm 15:657.
    """
    if not standard_error > 0:
        return float("nan")
    return float(stats.t.sf((margin - abs(difference)) / standard_error, df))


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values over a family of tests; NaN stay NaN and do not count.

    Source: Holm 1979, Scand J Stat 6:65.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    adjusted = np.full(len(p_values), np.nan)
    defined = np.flatnonzero(~np.isnan(p_values))
    order = defined[np.argsort(p_values[defined], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def mcnemar(right_a: Bools, right_b: Bools) -> tuple[int, int, float]:
    """McNemar's exact test on tiles, which takes every tile as independent.

    Args:
        right_a, right_b: (n,) bool, whether each model called the tile rightly.

    Returns:
        Tiles that only a called rightly, tiles that only b did, and the two-sided p-value.

    Source: McNemar 1947, Psychometrika 12:153.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    if only_a + only_b == 0:
        return 0, 0, 1.0
    return only_a, only_b, float(stats.binomtest(only_a, only_a + only_b).pvalue)


def groups_needed(
    target: float, slides: float, seeds: float, groups: int, df: float, alpha: float
) -> float:
    """About how many slides a study needs to see a difference, four times in five.

    Args:
        target: the true difference to be seen.
        slides: the variance of the difference between slides, now.
        seeds: the variance that seeds add, which more slides do not lessen.
        groups: slides now.
        df: their degrees of freedom now; taken to grow in step with the slides.
        alpha: the error rate of the test, 0.05.

    Returns:
        The number, rounded up to two figures; infinite where no number of slides is enough.
    """
    needed = float(groups)
    for _ in range(50):  # the quantiles depend on the answer; this settles within a few rounds
        k = max(df * needed / groups, 1.0)
        reach = float((target / (stats.t.ppf(1 - alpha / 2, k) + stats.t.ppf(POWER, k))) ** 2)
        if reach <= seeds:
            return math.inf
        needed = float(max(groups * slides / (reach - seeds), 2.0))
    return _two_figures(needed)


def _two_figures(value: float) -> float:
    step = 10 ** max(math.floor(math.log10(value)) - 1, 0)
    return float(math.ceil(value / step) * step)

"""Holm's correction and McNemar's test."""

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Bools, Floats


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
        right_a, right_b: (n,) bool, whether each model classifies the tile correctly.

    Returns:
        Tiles correctly classified by a only, by b only, and the two-sided p-value.

    Source: McNemar 1947, Psychometrika 12:153.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    # Under a fair coin the two tails are alike; together they may count the middle twice.
    tail = float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    return only_a, only_b, min(2 * tail, 1.0)

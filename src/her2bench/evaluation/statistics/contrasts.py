"""Contrasts between subgroups of tiles: of a metric, or of the difference of two models.

A slide may lie in one subgroup or in several. What each slide adds to a contrast is summed over its
subgroups before it is squared, so that slides that lie in several are paired.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Floats, Ints
from her2bench.evaluation.statistics.degrees_of_freedom import satterthwaite
from her2bench.evaluation.statistics.differences import (
    Difference,
    limits,
    model_limits,
    tail,
    weights_spread,
)
from her2bench.evaluation.statistics.estimates import Estimate, left_out
from her2bench.evaluation.statistics.intervals import NONE, Interval, t_quantile

NOTHING = 1e-24  # a variance of 0, but for rounding


@dataclass(frozen=True)
class Part:
    """A metric, or a difference, in one subgroup.

    Args:
        value: there.
        slides: (g,) int64, its slides as codes among all slides, each once.
        changes: (g,) float64, what the value changes by when each of them is left out.
        df: degrees of freedom of its variance.
        ends: its interval, so many standard errors out.
    """

    value: float
    slides: Ints
    changes: Floats
    df: float
    ends: Callable[[float], Interval]


def part_of_value(e: Estimate, slides: Ints) -> Part:
    """A metric of one model in a subgroup whose slides have these codes."""
    changes = left_out(e.mean_parts, e.shares) / np.sqrt(e.inflation)
    return Part(e.value, slides, changes, e.df, lambda q: model_limits(e, e.variance, q))


def part_of_difference(d: Difference, slides: Ints) -> Part:
    """The difference of two models in a subgroup whose slides have these codes."""
    changes = left_out(d.parts, d.shares) / np.sqrt((d.a.inflation + d.b.inflation) / 2)
    return Part(d.value, slides, changes, d.df, lambda q: limits(d, weights_spread(d), q))


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of K parts.

    Args:
        parts: of the subgroups.
        weights: (K,) float64 that sum to 0.
        value: of the sum.
        covariances: (K, K) float64, between slides, of the weighted parts.
        df: degrees of freedom: Satterthwaite's over the parts, and at most one less than the
            slides of all of them.
    """

    parts: Sequence[Part]
    weights: Floats
    value: float
    covariances: Floats
    df: float

    @property
    def variance(self) -> float:
        """Of the sum; slides that lie in several subgroups are counted once."""
        return max(float(self.covariances.sum()), 0.0)

    def ends(self, quantile: float) -> Interval:
        """The interval put together from those of the parts (MOVER).

        Source: Zou, Huang and Zhang 2009, Computational Statistics & Data Analysis 53:1080.
        """
        within = [part.ends(quantile) for part in self.parts]
        scaled = [
            sorted((w * each.low - w * part.value, w * each.high - w * part.value))
            for w, part, each in zip(self.weights, self.parts, within, strict=True)
        ]
        errors = np.sqrt(np.diag(self.covariances))
        scale = np.outer(errors, errors)
        related = np.divide(self.covariances, scale, out=np.eye(len(errors)), where=scale > 0)
        np.fill_diagonal(related, 1.0)
        below, above = (np.array(side) for side in zip(*scaled, strict=True))
        half = [float(np.sqrt(max(x @ related @ x, 0.0))) for x in (below, above)]
        return Interval(self.value - half[0], self.value + half[1])


def contrast(parts: Sequence[Part], weights: Floats) -> Contrast:
    """The weighted sum of the parts, with its variance between slides."""
    each = np.zeros((len(parts), 1 + max(int(part.slides.max()) for part in parts)))
    for row, part, weight in zip(each, parts, weights, strict=True):
        row[part.slides] = weight * part.changes
    covariances = each @ each.T
    slides = np.unique(np.concatenate([part.slides for part in parts]))
    df = satterthwaite(list(np.diag(covariances)), [part.df for part in parts])
    value = float(sum(w * part.value for w, part in zip(weights, parts, strict=True)))
    return Contrast(parts, weights, value, covariances, min(df, len(slides) - 1.0))


def from_the_others(number: int, place: int) -> Floats:
    """(K,) weights: the subgroup at a place less the mean of all others.

    >>> from_the_others(3, 0)
    array([ 1. , -0.5, -0.5])
    """
    weights = np.full(number, -1 / (number - 1))
    weights[place] = 1.0
    return weights


def contrast_test(c: Contrast, confidence: float) -> tuple[Interval, float]:
    """The interval and the two-sided p-value of no contrast, which agree.

    The larger p-value and the wider ends of two methods, as for a difference of two models:
    Student's t, and the parts' own intervals put together. A contrast without any variance has
    neither, unless it is 0 because two models are the same in all subgroups.
    """
    if not np.isfinite(c.value) or c.df < 1:
        return NONE, float("nan")
    if c.variance < NOTHING:
        same = all(part.value == 0 and not part.changes.any() for part in c.parts)
        return (Interval(0.0, 0.0), 1.0) if same else (NONE, float("nan"))
    quantile, error = t_quantile(c.df, confidence), np.sqrt(c.variance)
    joined, half = c.ends(quantile), quantile * error
    interval = Interval(min(joined.low, c.value - half), max(joined.high, c.value + half))
    plain = float(special.stdtr(c.df, -abs(c.value) / error))
    p_value = 1.0 if c.value == 0 else 2 * max(plain, tail(c.value, c.ends, c.df, 0.0))
    return interval, p_value

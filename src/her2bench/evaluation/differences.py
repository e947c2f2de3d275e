"""The difference of a metric between two models on the same tiles."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from her2bench.evaluation.degrees import degrees_of_freedom
from her2bench.evaluation.estimates import (
    Estimate,
    clustered_variance,
    satterthwaite,
    seed_component,
)
from her2bench.evaluation.intervals import NONE, Interval, t_quantile
from her2bench.evaluation.samples import Floats
from her2bench.evaluation.significance import t_p_value, tost_p_value


@dataclass(frozen=True)
class Difference:
    """a's estimate less b's; both on the same sample.

    Args:
        a, b: the two models' estimates of one metric.
        identical: whether the models give every tile the same answer.
    """

    a: Estimate
    b: Estimate
    identical: bool = False

    @cached_property
    def value(self) -> float:
        """The difference of the two values; NaN if either is undefined."""
        return self.a.value - self.b.value

    @cached_property
    def parts(self) -> Floats:
        """(2, G) float64: what each slide's positive and negative tiles add, about its mean."""
        return self.a.mean_parts - self.b.mean_parts

    @cached_property
    def counted_groups(self) -> int:
        """The slides that carry the metric for both models."""
        return min(self.a.counted_groups, self.b.counted_groups)

    @cached_property
    def slide_variance(self) -> float:
        """The variance between slides, the pairing included."""
        return clustered_variance(self.parts, self.a.metric, self.a.sample, self.counted_groups)

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of the variance between slides; 0 where there is none."""
        return degrees_of_freedom(self.a.metric, self.a.tiles - self.b.tiles, self.a.sample)


@dataclass(frozen=True)
class Spread:
    """The variance of a difference and its degrees of freedom, for one question."""

    slides: float
    seeds: float
    df: float

    @property
    def error(self) -> float:
        """The standard error; rounding of what should be 0 is taken as 0."""
        variance = self.slides + self.seeds
        return 0.0 if variance < 1e-24 else float(np.sqrt(variance))


def weights_spread(d: Difference) -> Spread:
    """Of these trained weights on new slides."""
    return Spread(d.slide_variance, 0.0, d.df)


def recipe_spread(d: Difference, fixed_a: bool, fixed_b: bool) -> Spread:
    """Of these recipes trained again: each recipe's seeds add their own variance.

    Args:
        d: the difference; each recipe not fixed has at least two seeds.
        fixed_a, fixed_b: whether a recipe gives the same model every time.
    """
    seeds = [
        (seed_component(e), len(e.values) - 1)
        for e, fixed in ((d.a, fixed_a), (d.b, fixed_b))
        if not fixed
    ]
    variances = [d.slide_variance, *(variance for variance, _ in seeds)]
    dfs = [d.df, *(df for _, df in seeds)]
    return Spread(d.slide_variance, sum(variances[1:]), satterthwaite(variances, dfs))


def t_interval(difference: float, spread: Spread, confidence: float) -> Interval:
    """Student's interval for a difference; none where the variance is unknown."""
    if spread.df < 1 or np.isnan(spread.error):
        return NONE
    half = t_quantile(spread.df, confidence) * spread.error
    return Interval(difference - half, difference + half)


def mover(a: Estimate, b: Estimate, of_a: Interval, of_b: Interval) -> Interval:
    """An interval for a difference from the two single ones, as if the models were unrelated.

    For the rare case that the paired variance cannot be seen (both models perfect, say): wider
    than need be, but not of width 0.

    Source: Zou and Donner 2008, Statistics in Medicine 27:1693.
    """
    below = np.hypot(a.value - of_a.low, of_b.high - b.value)
    above = np.hypot(of_a.high - a.value, b.value - of_b.low)
    difference = a.value - b.value
    return Interval(float(difference - below), float(difference + above))


def t_test(d: Difference, spread: Spread) -> float:
    """p-value of no difference; where the variance cannot be seen, from the number of slides.

    With every slide on one side and no variance, the only protection is their number: the
    p-value is that of a sign test, 2 / 2^k for the k slides of the scarcer class.
    """
    if np.isnan(d.value) or spread.df < 1 or np.isnan(spread.error):
        return float("nan")
    if spread.error == 0 and d.value != 0:
        return float(2.0 ** -min(d.df, 1000))
    return t_p_value(d.value, spread.error, spread.df)


def equivalence_test(d: Difference, spread: Spread, margin: float) -> float:
    """p-value of two one-sided tests; without visible variance only identical models pass."""
    if np.isnan(d.value) or spread.df < 1 or np.isnan(spread.error):
        return float("nan")
    if spread.error == 0:
        return 0.0 if d.identical else 1.0
    return tost_p_value(d.value, spread.error, spread.df, margin)

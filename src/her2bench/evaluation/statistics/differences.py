"""The difference of a metric between two models on the same tiles.

The interval of the difference combines the two models' own intervals and the
correlation of their estimates (MOVER). A metric between 0 and 1 is skewed near its ends, its own
interval is therefore computed on the logit scale, and the difference inherits its shape from
it. With the plain difference over its standard error instead, two models of equal ROC-AUC, one
with and one without correlation within slides, differed significantly in 6.5 to 7% of studies
(docs/statistics.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize, special

from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.degrees_of_freedom import (
    degrees_of_freedom,
    joined_df,
    satterthwaite,
)
from her2bench.evaluation.statistics.estimates import (
    Estimate,
    clustered_variance,
    seed_component,
    whole_slides,
    widening,
)
from her2bench.evaluation.statistics.intervals import (
    NONE,
    Interval,
    logit_interval,
    t_quantile,
    wilson,
)
from her2bench.evaluation.statistics.metrics import METRICS

FURTHEST = 60.0  # standard errors; beyond them p-values are 0 to any precision


@dataclass(frozen=True)
class Difference:
    """a's estimate less b's; both on the same sample.

    Args:
        a, b: the two models' estimates of one metric.
        identical: whether the models give every tile the same answer, as the metric sees it.
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
    def shares(self) -> Floats:
        """(2, G) float64, how much rests on each slide's tiles: the mean of the two models'."""
        return (self.a.shares + self.b.shares) / 2

    @cached_property
    def widening(self) -> float:
        """The error over that without regard to the slides' shares, as a bootstrap's spread is."""
        return widening(self.parts, self.shares)

    @cached_property
    def variance(self) -> float:
        """The variance between slides, the pairing included."""
        inflation = (self.a.inflation + self.b.inflation) / 2
        return clustered_variance(self.parts, self.shares, inflation)

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of the variance between slides; 0 where there is none."""
        return degrees_of_freedom(self.a.metric, self.parts, self.shares)


@dataclass(frozen=True)
class Spread:
    """What a difference varies by, for one question.

    Args:
        slides: its variance between slides.
        seeds_a, seeds_b: the variance that each model's seeds add to it.
        slides_df, seeds_df: degrees of freedom of the slides' variance and of both models' seeds'.
    """

    slides: float
    seeds_a: float
    seeds_b: float
    slides_df: float
    seeds_df: float = 1.0

    @property
    def seeds(self) -> float:
        """What both models' seeds add, which more slides do not lessen."""
        return self.seeds_a + self.seeds_b

    @property
    def df(self) -> float:
        """Degrees of freedom of the sum."""
        return joined_df(self.slides, self.seeds, self.slides_df, self.seeds_df)

    @property
    def defined(self) -> bool:
        """Whether there is a variance and degrees of freedom for it."""
        return self.df >= 1 and bool(np.isfinite(self.slides + self.seeds))


def weights_spread(d: Difference) -> Spread:
    """Of the trained weights on new slides."""
    return Spread(d.variance, 0.0, 0.0, d.df)


def recipe_spread(d: Difference, fixed_a: bool, fixed_b: bool) -> Spread:
    """Of the recipes across seeds: each recipe's seeds add their own variance.

    This is Obuchowski and Rockette's model of several readers with readers nested in tests: the
    seeds are the readers, the recipes the tests, the slides the cases.

    Args:
        d: the difference; each recipe not fixed has at least two seeds.
        fixed_a, fixed_b: whether a recipe gives the same model every time.

    Source: Obuchowski and Rockette 1995, Communications in Statistics 24:285; Hillis 2007,
    Statistics in Medicine 26:596.
    """
    seeds_a, seeds_b = (
        0.0 if fixed else seed_component(e) for e, fixed in ((d.a, fixed_a), (d.b, fixed_b))
    )
    dfs = [max(len(e.values) - 1.0, 1.0) for e in (d.a, d.b)]
    return Spread(d.variance, seeds_a, seeds_b, d.df, satterthwaite([seeds_a, seeds_b], dfs))


def limits(d: Difference, spread: Spread, quantile: float) -> Interval:
    """The ends of the difference's interval, so many standard errors out.

    Source: Zou 2007, Psychological Methods 12:399 (MOVER for dependent estimates).
    """
    a, b = d.a, d.b
    variance_a, variance_b = a.variance + spread.seeds_a, b.variance + spread.seeds_b
    together = (a.variance + b.variance - spread.slides) / 2
    scale = np.sqrt(variance_a * variance_b)
    correlation = float(np.clip(together / scale, -1, 1)) if scale > 0 else 0.0
    low_a, high_a = model_limits(a, variance_a, quantile)
    low_b, high_b = model_limits(b, variance_b, quantile)
    return Interval(
        d.value - _joined(a.value - low_a, high_b - b.value, correlation),
        d.value + _joined(high_a - a.value, b.value - low_b, correlation),
    )


def difference_interval(d: Difference, spread: Spread, confidence: float) -> Interval:
    """The interval of `difference_test`: MOVER's and the plain t interval, taken together."""
    if d.identical and np.isfinite(d.value):
        return Interval(0.0, 0.0)
    if not spread.defined:
        return NONE
    quantile = t_quantile(spread.df, confidence)
    joined, half = limits(d, spread, quantile), quantile * _error(spread)
    return Interval(min(joined.low, d.value - half), max(joined.high, d.value + half))


def difference_test(d: Difference, spread: Spread) -> float:
    """Two-sided p-value of no difference, where neither of two intervals holds 0.

    The larger of the plain t test's and 1 less the confidence at which MOVER's interval just
    leaves out 0. Alone, each calls too many equal models different somewhere: the t test where one
    model is correlated within slides and the other not, MOVER where ROC-AUCs are near 1 (unless its
    ends are drawn out, as they are).
    """
    if not spread.defined or np.isnan(d.value):
        return float("nan")
    if d.value == 0:
        return 1.0
    error = _error(spread)
    plain = special.stdtr(spread.df, -abs(d.value) / error) if error > 0 else 0.0
    return 2 * max(_tail(d, spread, 0.0), float(plain))


def equivalence_test(d: Difference, spread: Spread, margin: float) -> float:
    """p-value of two one-sided tests: small if the true difference lies within ± margin.

    Source: Schuirmann 1987, J Pharmacokinet Biopharm 15:657.
    """
    if d.identical and np.isfinite(d.value):
        return 0.0
    if not spread.defined or np.isnan(d.value):
        return float("nan")
    worse = margin if d.value > 0 else -margin
    nearer, further = _tail(d, spread, worse), _tail(d, spread, -worse)
    return max(nearer if abs(d.value) < margin else 1 - nearer, further)


def _error(spread: Spread) -> float:
    return float(np.sqrt(spread.slides + spread.seeds))


def _tail(d: Difference, spread: Spread, border: float) -> float:
    """One-sided p-value that the truth lies beyond a border, seen from the difference: to 1/2."""
    return tail(d.value, lambda quantile: limits(d, spread, quantile), spread.df, border)


def tail(value: float, ends: Callable[[float], Interval], df: float, border: float) -> float:
    """One-sided p-value that the truth lies beyond a border, where `ends` takes a quantile of t."""
    side = "high" if border > value else "low"

    def excess(quantile: float) -> float:
        return abs(value - border) - abs(getattr(ends(quantile), side) - value)

    if excess(0.0) <= 0:  # on the border, but for rounding
        quantile = 0.0
    elif excess(FURTHEST) > 0:
        quantile = FURTHEST
    else:
        quantile = optimize.root_scalar(excess, bracket=(0.0, FURTHEST), xtol=1e-10).root
    return float(special.stdtr(df, -quantile))


def model_limits(e: Estimate, variance: float, quantile: float) -> Interval:
    """One model's own limits: logit scale, Wilson's at 0 and 1, plain for other ranges."""
    metric, value = METRICS[e.metric], e.value
    if (metric.least, metric.most) != (0, 1):
        half = quantile * np.sqrt(variance)
        return Interval(value - half, value + half)
    if value in (0.0, 1.0):
        return wilson(value, whole_slides(e), quantile)
    return logit_interval(value, variance, e.counted_groups, quantile)


def _joined(x: float, y: float, correlation: float) -> float:
    return float(np.sqrt(max(x**2 - 2 * correlation * x * y + y**2, 0.0)))

"""Confidence intervals from an estimate, its variance and its degrees of freedom."""

from typing import NamedTuple

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Floats


class Interval(NamedTuple):
    """The two ends of a confidence interval; NaN where there is none."""

    low: float
    high: float


NONE = Interval(float("nan"), float("nan"))


def t_quantile(df: float, confidence: float) -> float:
    """The two-sided quantile of Student's t: 1.96 for 0.95 and infinite degrees of freedom."""
    return float(special.stdtrit(df, (1 + confidence) / 2))


def logit_t(value: float, variance: float, df: float, confidence: float) -> Interval:
    """Student's interval on the logit scale, for a value strictly between 0 and 1.

    Args:
        value: between 0 and 1.
        variance: of the value itself.
        df: degrees of freedom of the variance, above 0.
        confidence: 0.95 for a 95% interval.

    Returns:
        The interval, within 0 to 1.
    """
    centre = np.log(value / (1 - value))
    half = t_quantile(df, confidence) * np.sqrt(variance) / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-np.array([centre - half, centre + half])))
    return Interval(float(low), float(high))


def wilson(value: float, effective: float, quantile: float) -> Interval:
    """Wilson's score interval with an effective sample size.

    Args:
        value: a proportion, 0 and 1 included.
        effective: the number of independent observations that would be as sure, above 0.
        quantile: 1.96 for a 95% interval, or Student's for few slides.

    Returns:
        The interval, within 0 to 1.

    Source: Wilson 1927, JASA 22:209; with a design effect: Franco et al. 2019, J Surv Stat
    Methodol 7:334.

    >>> [round(end, 4) for end in wilson(8 / 217, 217, 1.959964)]
    [0.0188, 0.071]
    """
    shrink = 1 + quantile**2 / effective
    centre = (value + quantile**2 / (2 * effective)) / shrink
    noise = value * (1 - value) / effective + quantile**2 / (4 * effective**2)
    half = quantile * np.sqrt(noise) / shrink
    return Interval(max(float(centre - half), 0.0), min(float(centre + half), 1.0))


def linear_t(
    value: float, variance: float, df: float, confidence: float, least: float, most: float
) -> Interval:
    """Student's interval, cut at the ends of the metric's range."""
    half = t_quantile(df, confidence) * np.sqrt(variance)
    return Interval(float(max(value - half, least)), float(min(value + half, most)))


def expanded_levels(widening: float, df: float, confidence: float) -> Floats:
    """Quantile levels of the bootstrap that make up for few slides.

    The plain percentile interval is too narrow by z / t, and by what a slide draws the metric
    towards itself; the levels are moved outward so that a normal distribution would get the t
    interval of the clustered variance.

    Args:
        widening: the standard error over that without regard to leverage.
        df: degrees of freedom of the t, at least 1.
        confidence: 0.95 for a 95% interval.

    Returns:
        (2,) float64, the lower and upper level.

    Source: Hesterberg 2015, The American Statistician 69:371 (expanded percentile interval).
    """
    level = special.ndtr(-t_quantile(df, confidence) * widening)
    return np.array([level, 1 - level])


def percentile(replicates: Floats, widening: float, df: float, confidence: float) -> Interval:
    """Expanded percentile interval of (B,) bootstrap replicates, undefined ones left out."""
    defined = replicates[np.isfinite(replicates)]
    if not len(defined) or df < 1 or np.isnan(widening):
        return NONE
    low, high = np.quantile(defined, expanded_levels(widening, df, confidence))
    return Interval(float(low), float(high))


def percentile_p_value(value: float, replicates: Floats, widening: float, df: float) -> float:
    """Two-sided p-value of 0: 1 less the confidence at which `percentile` just leaves out 0.

    Args:
        value: the estimate.
        replicates: (B,) float64, all defined.
        widening, df: as for `percentile`.
    """
    beyond = np.mean(replicates <= 0) if value > 0 else np.mean(replicates >= 0)
    if df < 1 or not np.isfinite(widening):
        return float("nan")
    return float(min(2 * special.stdtr(df, special.ndtri(beyond) / widening), 1.0))


def biased(
    value: float,
    replicates: Floats,
    widening: float,
    df: float,
    confidence: float,
    limits: tuple[float, float],
) -> Interval:
    """Interval for an estimate that noise pushes upward, as it does the calibration error.

    Resampling adds the same noise once more. Where the true value is near 0 only the percentile
    interval mirrored at the estimate covers it; where it is large, only the plain one does. Which
    case it is the data do not tell, so the interval spans both, and is wider than need be.

    Args:
        value: the estimate.
        replicates: (B,) float64.
        widening, df, confidence: as for `percentile`.
        limits: the metric's range.
    """
    plain = percentile(replicates, widening, df, confidence)
    mirrored = (2 * value - plain.high, 2 * value - plain.low)
    low, high = min(plain.low, *mirrored), max(plain.high, *mirrored)
    return Interval(*(float(np.clip(end, *limits)) for end in (low, high)))

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


def logit_interval(value: float, variance: float, slides: float, quantile: float) -> Interval:
    """Wald's interval on the logit scale, for a value strictly between 0 and 1.

    Near 1 (or 0) a few slides hold all errors: a sample without them shows a value too near 1 and
    a variance that is too small. With half a slide of value 1/2 added the value moves inward and
    the variance, taken as proportional to p (1 - p), grows. The interval spans both this one and
    the plain one. (Less is added for quantiles below 2, so that for 0 the value itself is left.)

    Args:
        value: between 0 and 1.
        variance: of the value itself.
        slides: how many the value rests on.
        quantile: of Student's t for the variance's degrees of freedom.

    Returns:
        The interval, within 0 to 1.

    Source: pseudo-observations as in Agresti and Coull 1998, The American Statistician 52:119.

    >>> [round(end, 3) for end in logit_interval(0.97, 0.012**2, 50, 2.0)]
    [0.928, 0.987]
    """
    added = min(quantile, 2.0) ** 2 / 8
    centres = np.array([value, (value * slides + added / 2) / (slides + added)])
    error = np.sqrt(variance / (value * (1 - value)) / (centres * (1 - centres)))
    logits = special.logit(centres)
    low, high = (logits - quantile * error).min(), (logits + quantile * error).max()
    return Interval(float(special.expit(low)), float(special.expit(high)))


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


def clopper_pearson(value: float, effective: float, confidence: float) -> Interval:
    """Clopper and Pearson's interval with an effective sample size.

    Where a few slides hold all errors, it is that little wider than Wilson's that the variance of
    samples without them is too small.

    Args:
        value: a proportion between 0 and 1.
        effective: as in `wilson`.
        confidence: 0.95 for a 95% interval.

    Source: Korn and Graubard 1998, Survey Methodology 24:193.

    >>> [round(end, 4) for end in clopper_pearson(8 / 217, 217, 0.95)]
    [0.016, 0.0713]
    """
    right, tail = value * effective, (1 - confidence) / 2
    wrong = effective - right
    low = special.betaincinv(right, wrong + 1, tail)
    high = special.betaincinv(right + 1, wrong, 1 - tail)
    return Interval(float(low), float(high))


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


def corrected(
    value: float, replicates: Floats, widening: float, df: float, confidence: float
) -> Interval:
    """Percentile interval that spans the plain one and the bias-corrected one.

    Few slides hold less of the variety of scores than many, and a resample less than the slides,
    so that agreement beyond chance is too low in both. Corrected, the levels are moved by where the
    estimate lies among the replicates.

    Args:
        value: the estimate.
        replicates: (B,) float64.
        widening, df, confidence: as for `percentile`.

    Source: Efron 1987, JASA 82:171 (bias-corrected percentiles, without the acceleration).
    """
    plain = percentile(replicates, widening, df, confidence)
    defined = replicates[np.isfinite(replicates)]
    below = (np.mean(defined < value) + np.mean(defined <= value)) / 2 if len(defined) else 0.0
    if np.isnan(plain.low) or not 0 < below < 1:
        return plain
    levels = special.ndtri(expanded_levels(widening, df, confidence)) + 2 * special.ndtri(below)
    low, high = np.quantile(defined, special.ndtr(levels))
    return Interval(min(plain.low, float(low)), max(plain.high, float(high)))


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

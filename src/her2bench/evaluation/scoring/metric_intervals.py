"""Each metric's interval, by the method that suits it."""

import numpy as np

from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.degrees_of_freedom import joined_df
from her2bench.evaluation.statistics.estimates import (
    Estimate,
    seed_component,
    whole_slides,
)
from her2bench.evaluation.statistics.intervals import (
    NONE,
    Interval,
    biased,
    clopper_pearson,
    corrected,
    linear_t,
    logit_interval,
    percentile,
    t_quantile,
    wilson,
)
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.probabilistic import noise_quantile

MINIMUM_SEEDS = 3
LEAST_SLIDES = 3  # (of the scarcer class) for an interval of what is no proportion
BOOTSTRAP_SLIDES = 8  # for one from a bootstrap
VANISHING = 1e-24  # a variance of 0, but for rounding


def interval_of(
    estimate: Estimate, replicates: Floats | None, settings: ScoreSettings
) -> tuple[Interval, str]:
    """The interval for these weights on new slides, and its method."""
    metric, value = METRICS[estimate.metric], estimate.value
    unit = estimate.sample.unit
    bins = f", {settings.bins} equal-mass bins" if metric.noise else ""
    if np.isnan(value):
        return NONE, f"undefined{bins}"
    if estimate.df < 1 or np.isnan(estimate.variance):
        return NONE, f"no interval: too few slides{bins}"
    drawn = metric.interval in ("bootstrap", "corrected")
    if value in (metric.least, metric.most) and drawn:
        return end_interval(estimate, settings.confidence), f"Wilson on slides, {unit}{bins}"
    slides = whole_slides(estimate)
    if drawn and slides < least_slides(metric.name):
        return NONE, f"no interval: fewer than {least_slides(metric.name)} slides{bins}"
    if _shows_nothing(estimate):
        return NONE, f"no interval: no variance between slides{bins}"
    if metric.interval == "obuchowski":
        return auc_interval(estimate, settings.confidence), f"Obuchowski, logit t, {unit}"
    if metric.proportion:
        name = "Clopper-Pearson" if metric.interval == "exact" else "Wilson"
        return proportion_interval(estimate, settings.confidence), f"{name}, {unit}"
    if replicates is None or slides < BOOTSTRAP_SLIDES:
        return _linearised(estimate, settings.confidence), f"linearised t, {unit}{bins}"
    lost = int((~np.isfinite(replicates)).sum())
    left_out = f", {lost} of {len(replicates)} replicates undefined" if lost else ""
    method = f"bootstrap of {len(replicates)}, {unit}{bins}{left_out}"
    return _bootstrapped(estimate, replicates, settings.confidence), method


def _shows_nothing(estimate: Estimate) -> bool:
    """Whether a value is the same whatever slides are drawn, as a constant model's kappa is.

    That says nothing of how sure it is. Proportions, and values at an end, have Wilson's interval.
    """
    metric = METRICS[estimate.metric]
    inside = estimate.value not in (metric.least, metric.most)
    return inside and not metric.proportion and estimate.variance < VANISHING


def auc_interval(estimate: Estimate, confidence: float) -> Interval:
    """Obuchowski's variance on the logit scale with t; at 0 and 1 Wilson's on slides."""
    if estimate.value in (0.0, 1.0):
        return end_interval(estimate, confidence)
    quantile = t_quantile(estimate.df, confidence)
    return logit_interval(estimate.value, estimate.variance, estimate.counted_groups, quantile)


def end_interval(estimate: Estimate, confidence: float) -> Interval:
    """The interval for a value at the end of its range, where the variance cannot be estimated.

    New slides may still hold an error. The value is taken as a proportion of 0 or 1, brought to
    the metric's range, among as many observations as there are slides (of the scarcer class).
    """
    metric, slides = METRICS[estimate.metric], whole_slides(estimate)
    width = metric.most - metric.least
    share = (estimate.value - metric.least) / width
    if not np.isfinite(width) or slides < 2:
        return NONE
    ends = wilson(share, slides, t_quantile(slides - 1, confidence))
    return Interval(*(metric.least + width * end for end in ends))


def proportion_interval(estimate: Estimate, confidence: float) -> Interval:
    """Wilson's (or the exact) interval with the effective size of the cluster-robust variance.

    The effective size is lessened for few degrees of freedom. At 0 and 1, where the variance
    cannot be seen, each slide counts as one observation; if all slides happen to be alike, each
    tile does.

    Source: Korn and Graubard 1998, Survey Methodology 24:193 (effective sample size).
    """
    value, n = estimate.value, estimate.counted_tiles
    if value in (0.0, 1.0):
        return end_interval(estimate, confidence)
    z = t_quantile(np.inf, confidence)
    if estimate.variance < VANISHING:
        return wilson(value, n, z)
    effective = value * (1 - value) * n**2 / max(n - 1, 1) ** 2 / estimate.variance
    few = t_quantile(max(n - 1, 1), confidence) / t_quantile(estimate.df, confidence)
    if METRICS[estimate.metric].interval == "exact":
        return clopper_pearson(value, effective * few**2, confidence)
    return wilson(value, effective * few**2, z)


def recipe_interval(estimate: Estimate, confidence: float) -> Interval:
    """The interval for the recipe across seeds: slides and seeds are both sampled."""
    seeds = len(estimate.values)
    if seeds < MINIMUM_SEEDS or estimate.df < 1 or not np.isfinite(estimate.variance):
        return NONE
    between = seed_component(estimate)
    df = joined_df(estimate.variance, between, estimate.df, seeds - 1)
    metric, variance = METRICS[estimate.metric], estimate.variance + between
    if variance < VANISHING:
        return NONE
    if (metric.least, metric.most) == (0, 1) and 0 < estimate.value < 1:
        quantile = t_quantile(df, confidence)
        ends = logit_interval(estimate.value, variance, estimate.counted_groups, quantile)
        if estimate.noise is None:
            return ends
        return Interval(min(ends.low, _above_noise(estimate, confidence)), ends.high)
    return linear_t(estimate.value, variance, df, confidence, metric.least, metric.most)


def least_slides(metric: str) -> int:
    """A metric that noise makes larger has no smooth formula to fall back on."""
    return BOOTSTRAP_SLIDES if METRICS[metric].noise else LEAST_SLIDES


def _linearised(estimate: Estimate, confidence: float) -> Interval:
    """Student's interval, on a scale on which the metric has no ends."""
    metric, value, variance = METRICS[estimate.metric], estimate.value, estimate.variance
    if estimate.noise is not None:
        ends = linear_t(value, variance, estimate.df, confidence, metric.least, metric.most)
        return Interval(_above_noise(estimate, confidence), ends.high)
    if estimate.halves:
        return _mean_of_halves(estimate, confidence)
    if np.isinf(metric.least):
        return linear_t(value, variance, estimate.df, confidence, metric.least, metric.most)
    if np.isinf(metric.most):
        factor = np.exp(t_quantile(estimate.df, confidence) * np.sqrt(variance) / value)
        return Interval(float(value / factor), float(value * factor))
    width = metric.most - metric.least
    share = (value - metric.least) / width
    quantile = t_quantile(estimate.df, confidence)
    ends = logit_interval(share, variance / width**2, estimate.counted_groups, quantile)
    return Interval(*(metric.least + width * end for end in ends))


def _mean_of_halves(estimate: Estimate, confidence: float) -> Interval:
    """Balanced accuracy's interval from those of sensitivity and specificity (MOVER).

    With few slides of a class there may be no error among them, and no variance to be seen.

    Source: Zou 2007, Psychological Methods 12:399.
    """
    one, other = estimate.halves
    together = 4 * estimate.variance - one.variance - other.variance
    scale = 2 * np.sqrt(one.variance * other.variance)
    correlation = float(np.clip(together / scale, -1, 1)) if scale > 0 else 0.0
    low, high = (
        np.array(
            [
                getattr(proportion_interval(half, confidence), end) - half.value
                for half in (one, other)
            ]
        )
        for end in ("low", "high")
    )
    below, above = (
        np.sqrt(max((x**2).sum() + 2 * correlation * x.prod(), 0.0)) / 2 for x in (low, high)
    )
    return Interval(max(estimate.value - below, 0.0), min(estimate.value + above, 1.0))


def _bootstrapped(estimate: Estimate, replicates: Floats, confidence: float) -> Interval:
    metric, wider = METRICS[estimate.metric], estimate.widening
    if metric.interval == "corrected":
        return corrected(estimate.value, replicates, wider, estimate.df, confidence)
    if estimate.noise is None:
        return percentile(replicates, wider, estimate.df, confidence)
    limits = (metric.least, metric.most)
    ends = biased(estimate.value, replicates, wider, estimate.df, confidence, limits)
    return Interval(_above_noise(estimate, confidence), ends.high)


def _above_noise(estimate: Estimate, confidence: float) -> float:
    """The lower end of a calibration error: less what noise alone may add."""
    if estimate.noise is None or estimate.df < 1:
        return float("nan")
    level = (1 + confidence) / 2
    most = noise_quantile(estimate.noise, len(estimate.values), estimate.df, level)
    return max(estimate.value - most, 0.0)

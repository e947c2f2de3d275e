"""One row of the scores: a metric of one model on one split, with its interval."""

from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.estimates import Estimate, satterthwaite, seed_component
from her2bench.evaluation.intervals import (
    NONE,
    Interval,
    biased,
    linear_t,
    logit_t,
    percentile,
    t_quantile,
    wilson,
)
from her2bench.evaluation.metrics import METRICS
from her2bench.evaluation.samples import Floats
from her2bench.evaluation.settings import ScoreSettings

MINIMUM_SEEDS = 3
VANISHING = 1e-24  # a variance of 0, but for rounding


@dataclass(frozen=True)
class Row:
    """A metric of one model on one split; None where a number is undefined or unknown.

    `low` and `high` answer for these trained weights on new slides; `recipe_low` and
    `recipe_high` for the recipe trained again with another seed (at least 3 seeds needed).
    `counted_tiles` and `counted_groups` are those the metric is a statement about (for
    sensitivity the positive tiles); `effective_tiles` are they over the design effect.
    """

    model: str
    split: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    method: str
    tiles: int
    groups: int
    seeds: int
    counted_tiles: float
    counted_groups: int
    design_effect: float | None
    effective_tiles: float | None
    seed_sd: float | None
    recipe_low: float | None
    recipe_high: float | None


def make_row(
    model: str, split: str, estimate: Estimate, replicates: Floats | None, settings: ScoreSettings
) -> Row:
    """Put an estimate, and its bootstrap replicates where it has them, into a row."""
    interval, method = interval_of(estimate, replicates, settings)
    recipe = recipe_interval(estimate, settings.confidence)
    effect = estimate.design_effect
    seeds = len(estimate.values)
    return Row(
        model=model,
        split=split,
        metric=estimate.metric,
        value=known(estimate.value),
        low=known(interval.low),
        high=known(interval.high),
        method=method,
        tiles=len(estimate.sample.targets),
        groups=estimate.sample.n_groups,
        seeds=seeds,
        counted_tiles=estimate.counted_tiles,
        counted_groups=estimate.counted_groups,
        design_effect=known(effect),
        effective_tiles=known(estimate.counted_tiles / effect) if effect else None,
        seed_sd=known(float(estimate.values.std(ddof=1))) if seeds > 1 else None,
        recipe_low=known(recipe.low),
        recipe_high=known(recipe.high),
    )


def known(value: float) -> float | None:
    """The number itself, or None for NaN and infinities, which JSON cannot hold."""
    return value if np.isfinite(value) else None


def interval_of(
    estimate: Estimate, replicates: Floats | None, settings: ScoreSettings
) -> tuple[Interval, str]:
    """The interval for these weights on new slides, and how it was made."""
    metric, value = METRICS[estimate.metric], estimate.value
    unit = "clustered by slide" if estimate.sample.known else "tiles as independent"
    bins = f", {settings.bins} equal-mass bins" if metric.name == "calibration_error" else ""
    if np.isnan(value):
        return NONE, f"undefined{bins}"
    if estimate.df < 1 or np.isnan(estimate.variance):
        return NONE, f"no interval: too few slides{bins}"
    if metric.interval == "obuchowski":
        return auc_interval(estimate, settings.confidence), f"Obuchowski, logit t, {unit}"
    if metric.interval == "proportion":
        return proportion_interval(estimate, settings.confidence), f"Wilson, {unit}"
    if replicates is None:
        return _linearised(estimate, settings.confidence), f"linearised t, {unit}{bins}"
    slides, confidence = estimate.sample.n_groups, settings.confidence
    lost = int((~np.isfinite(replicates)).sum())
    left_out = f", {lost} of {len(replicates)} replicates undefined" if lost else ""
    method = f"bootstrap of {len(replicates)}, {unit}{bins}{left_out}"
    if metric.name == "calibration_error":
        limits = (metric.least, metric.most)
        interval = biased(value, replicates, slides, estimate.df, confidence, limits)
    else:
        interval = percentile(replicates, slides, estimate.df, confidence)
    return interval, method


def auc_interval(estimate: Estimate, confidence: float) -> Interval:
    """Obuchowski's variance on the logit scale with t; at 0 and 1 Wilson's on slides.

    An AUC of exactly 1 has no variance to see, but new slides may still hold an error. It is
    taken as a proportion of 1 among as many observations as the scarcer class has slides.
    """
    value, variance = estimate.value, estimate.variance
    if 0 < value < 1:
        return logit_t(value, variance, estimate.df, confidence)
    slides = min(estimate.sample.positive_groups, estimate.sample.negative_groups)
    return wilson(value, slides, t_quantile(slides - 1, confidence))


def proportion_interval(estimate: Estimate, confidence: float) -> Interval:
    """Wilson's interval with the effective sample size of the cluster-robust variance.

    The effective size is lessened for few degrees of freedom. At 0 and 1, where the variance
    cannot be seen, each slide counts as one observation; if all slides happen to be alike, each
    tile does.

    Source: Korn and Graubard 1998, Survey Methodology 24:193 (effective sample size).
    """
    value, n = estimate.value, estimate.counted_tiles
    if value in (0.0, 1.0):
        slides = estimate.counted_groups
        return wilson(value, slides, t_quantile(slides - 1, confidence))
    z = t_quantile(np.inf, confidence)
    if estimate.variance < VANISHING:
        return wilson(value, n, z)
    effective = value * (1 - value) * n / max(n - 1, 1) / estimate.variance
    few = t_quantile(max(n - 1, 1), confidence) / t_quantile(estimate.df, confidence)
    return wilson(value, effective * few**2, z)


def recipe_interval(estimate: Estimate, confidence: float) -> Interval:
    """The interval for the recipe trained again: slides and seeds both a sample."""
    seeds = len(estimate.values)
    if seeds < MINIMUM_SEEDS or estimate.df < 1 or not np.isfinite(estimate.variance):
        return NONE
    parts = [estimate.variance, seed_component(estimate)]
    df = satterthwaite(parts, [estimate.df, seeds - 1])
    metric, variance = METRICS[estimate.metric], sum(parts)
    if (metric.least, metric.most) == (0, 1) and 0 < estimate.value < 1:
        return logit_t(estimate.value, variance, df, confidence)
    if variance == 0:
        return NONE
    return linear_t(estimate.value, variance, df, confidence, metric.least, metric.most)


def _linearised(estimate: Estimate, confidence: float) -> Interval:
    metric = METRICS[estimate.metric]
    return linear_t(
        estimate.value, estimate.variance, estimate.df, confidence, metric.least, metric.most
    )

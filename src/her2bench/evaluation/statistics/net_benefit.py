"""Net benefit over the threshold probability (decision curves), slides resampled."""

from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles
from her2bench.evaluation.statistics.bootstrap import slide_weights

THRESHOLDS = np.arange(1, 100) / 100


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit at each threshold probability, and the central 95% of the replicates; (T,) each.

    NaN where a class that the prevalence needs is missing; without a band where there is one slide.
    """

    value: Floats
    low: Floats
    high: Floats


def net_benefit(
    sample: LabelledTiles,
    probabilities: Floats,
    prevalence: float | None = None,
    thresholds: Floats = THRESHOLDS,
    replicates: int = 400,
    seed: int = 0,
) -> NetBenefit:
    """Net benefit of predicting positive what lies above a threshold probability t.

        true positives / n - false positives / n · t / (1 - t)

    With a prevalence p it is s p - (1 - c)(1 - p) t / (1 - t), s and c the sensitivity and the
    specificity at t; at the observed prevalence both are the same. Averaged over seeds. Predicting
    no tile positive has a net benefit of 0.

    Args:
        sample: the tiles.
        probabilities: (S, n) float64; ones give the net benefit of predicting all positive.
        prevalence: taken as known; None: that of the tiles (of the drawn slides in a replicate).
        thresholds: (T,) float64, above 0 and below 1.
        replicates: of the bootstrap over slides.
        seed: of its draws, so that models share them.

    Source: Vickers and Elkin 2006, Medical Decision Making 26:565.
    """
    counts = [_counts(sample, each, thresholds) for each in probabilities]
    odds = thresholds / (1 - thresholds)

    def values(weights: Floats) -> Floats:
        return np.mean([_benefit(weights, *each, odds, prevalence) for each in counts], axis=0)

    value = values(np.ones((1, sample.n_groups)))[0]
    if sample.n_groups < 2:
        nothing = np.full(len(thresholds), np.nan)
        return NetBenefit(value, nothing, nothing)
    blocks = slide_weights(sample, replicates, np.random.default_rng(seed))
    drawn = np.concatenate([values(weights) for weights in blocks])
    drawn = drawn[np.isfinite(drawn).all(axis=1)]  # replicates of one class
    if not len(drawn):
        return NetBenefit(value, np.full_like(value, np.nan), np.full_like(value, np.nan))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return NetBenefit(value, low, high)


def all_positive(sample: LabelledTiles) -> Floats:
    """(1, n) probabilities of 1: every tile is above every threshold."""
    return np.ones((1, len(sample.targets)))


def _counts(
    sample: LabelledTiles, probabilities: Floats, thresholds: Floats
) -> tuple[Floats, Floats]:
    """Positive and negative tiles above each threshold by slide, all tiles first: (G, T + 1)."""
    above = np.searchsorted(thresholds, probabilities, side="left")  # thresholds below it
    shape = sample.n_groups, len(thresholds) + 1
    where, size = sample.groups * shape[1] + above, shape[0] * shape[1]
    found = (
        np.bincount(where[chosen], minlength=size).reshape(shape).astype(np.float64)
        for chosen in (sample.targets, ~sample.targets)
    )
    positive, negative = (each[:, ::-1].cumsum(axis=1)[:, ::-1] for each in found)
    return positive, negative


def _benefit(
    weights: Floats, positive: Floats, negative: Floats, odds: Floats, prevalence: float | None
) -> Floats:
    """(b, T) for (b, G) weights of the slides."""
    true, false = weights @ positive, weights @ negative
    positives, negatives = true[:, :1], false[:, :1]
    if prevalence is None:
        return (true[:, 1:] - odds * false[:, 1:]) / (positives + negatives)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit, alarm = true[:, 1:] / positives, false[:, 1:] / negatives
    return prevalence * hit - (1 - prevalence) * odds * alarm

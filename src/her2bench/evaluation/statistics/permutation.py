"""The paired permutation test: a slide's two models change places, or they do not."""

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Floats, ModelPredictions
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.metrics import METRICS

SIGNS = 4_000_000  # held at once
MANY = 2000  # slides; then the sum of random signs is normal to all digits that matter


def slide_contributions(d: Difference, a: ModelPredictions, b: ModelPredictions) -> Floats:
    """Split a difference into slides, so that a swap of the two models changes each one's sign.

    By the metric's own `contributions`, where it has them; else the slide's influence on the
    difference, the difference itself shared out by tiles; exact for Brier score and log loss.

    Args:
        d: the difference of one metric.
        a, b: the two models' predictions for the same tiles.

    Returns:
        (G,) float64 whose sum is the difference, to third order; NaN if undefined.
    """
    sample, own = d.a.sample, METRICS[d.a.metric].contributions
    if own is not None:
        return own(sample, a, b)
    tiles = sample.sums(np.ones(len(sample.targets)))
    return d.parts.sum(axis=0) + d.value * tiles / tiles.sum()


def sign_flip_p_value(differences: Floats, flips: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of a sum of slides' differences under flips of their signs.

    If two models are equally good, a slide's difference is as likely to fall this way as that.
    With G slides of any difference at all, 2^G sign patterns exist; where that is no more than
    `flips` all are enumerated, otherwise so many random ones, and the observed pattern counts as
    one of them, so that the p-value is never 0. With thousands of slides the limiting
    distribution is used instead. For metrics that are means over tiles this is
    exactly the swap of the two models' predictions in whole slides. The studentised sum gives the
    same p-value, since a sum of squares does not change with signs.

    Args:
        differences: (G,) float64, each slide's share of the difference between the models.
        flips: how many random patterns.
        rng: the source of randomness.

    Returns:
        The p-value, above 0 and at most 1; NaN if any difference is NaN.

    Source: Fisher 1935; for clusters and unequal models: Canay, Romano and Shaikh 2017,
    Econometrica 85:1013.

    >>> sign_flip_p_value(np.array([1.0, 1.0, 1.0]), 999, np.random.default_rng(0))
    0.25
    """
    if np.isnan(differences).any():
        return float("nan")
    if len(differences) > MANY:
        return _normal_limit(differences)
    scale = np.abs(differences).max(initial=0.0)
    moving = differences[differences != 0] / (scale or 1.0)
    if not len(moving):
        return 1.0
    seen = abs(moving.sum()) * (1 - 1e-9) - 1e-12  # equal sums differ by rounding
    if 2 ** min(len(moving), 62) <= flips:
        patterns = np.arange(2 ** len(moving))[:, None] >> np.arange(len(moving)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ moving) >= seen))
    reached = 1
    rows = max(1, SIGNS // len(moving))
    for start in range(0, flips, rows):
        signs = random_signs(min(rows, flips - start), len(moving), rng)
        reached += int((np.abs(signs @ moving) >= seen).sum())
    return reached / (flips + 1)


def _normal_limit(differences: Floats) -> float:
    spread = float(np.sqrt((differences**2).sum()))
    return float(2 * special.ndtr(-abs(differences.sum()) / spread)) if spread > 0 else 1.0


def random_signs(rows: int, groups: int, rng: np.random.Generator) -> Floats:
    """(rows, groups) float64 of -1 and 1 with equal chances."""
    return (2 * rng.integers(0, 2, (rows, groups), dtype=np.int8) - 1).astype(np.float64)

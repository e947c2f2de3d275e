"""The tiles of a slide put together to one number: mean, median, share or quantile."""

from typing import get_args

import numpy as np

from her2bench.core.run_scores import Aggregate
from her2bench.evaluation.statistics.arrays import Bools, Floats, Ints

AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
"""In this order; of several that do equally well the first is taken."""


def aggregated(
    how: Aggregate, probabilities: Floats, calls: Bools, groups: Ints, quantile: float | None = None
) -> Floats:
    """Each slide's probability from those of its tiles.

    Probabilities are aggregated, not logits: a probability is bounded, so that a single tile of
    which a network is sure (a logit of 40 is no rarity) weighs no more than any other; the mean
    is the expected share of positive tiles; and means of several classes' probabilities add up to
    one. The median and quantiles are the same on either scale, but for the interpolation between
    two tiles.

    Args:
        how: "mean" and "median" of the probabilities; "share" of the tiles predicted positive;
            "quantile".
        probabilities: (n,) float64, 0 to 1.
        calls: (n,) bool, whether a tile is predicted positive.
        groups: (n,) int64, each tile's slide as a code 0 to G-1, every code in use.
        quantile: between 0 and 1, interpolated linearly; for "quantile" alone.

    Returns:
        (G,) float64, 0 to 1.

    >>> p, slides = np.array([0.1, 0.3, 0.8, 0.9]), np.array([0, 0, 0, 1])
    >>> [aggregated(how, p, p > 0.5, slides, 0.9).round(2).tolist() for how in AGGREGATES]
    [[0.4, 0.9], [0.3, 0.9], [0.33, 1.0], [0.7, 0.9]]
    """
    order, sizes = np.lexsort((probabilities, groups)), np.bincount(groups)
    if how == "share":
        return np.bincount(groups, weights=calls) / sizes
    if how == "mean":
        return _means(probabilities[order], groups[order], sizes)

    if how == "median" or quantile is None:
        quantile = 0.5
    return _quantiles(probabilities[order], sizes, quantile)


def _means(ordered: Floats, groups: Ints, sizes: Ints) -> Floats:
    """The means, of values in ascending order within each group.

    The least value is taken off before and added again: a constant has itself for its mean, to
    the last digit. Rounding would else rank slides that are equal, and a constant model would
    have some other ROC-AUC than one half.
    """
    least = ordered[np.cumsum(sizes) - sizes]
    above = np.bincount(groups, weights=ordered - least[groups])
    return np.minimum(least + above / sizes, 1.0)


def _quantiles(ordered: Floats, sizes: Ints, quantile: float) -> Floats:
    """The quantile within each group, as NumPy's default gives it."""
    start, place = np.cumsum(sizes) - sizes, quantile * (sizes - 1)
    below = np.floor(place).astype(np.int64)
    low, high = ordered[start + below], ordered[start + np.ceil(place).astype(np.int64)]
    return low + (high - low) * (place - below)

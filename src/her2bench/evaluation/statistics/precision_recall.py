"""Average precision: its value, each tile's influence, and its value under many weightings."""

from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import Bools, Floats, Ints, by_fold


@dataclass(frozen=True)
class Ranking:
    """Tiles from the highest score down.

    Args:
        order: (n,) int64, the tiles in that order.
        ends: (k,) int64, the place in `order` of the last tile of each of the k distinct scores.
    """

    order: Ints
    ends: Ints


def ranking(scores: Floats) -> Ranking:
    """Rank tiles by (n,) scores, highest first, and find where each distinct score ends."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return Ranking(order, ends)


def average_precision_influence(
    scores: Floats, targets: Bools, folds: Ints | None = None
) -> tuple[float, Floats]:
    """Average precision and each tile's influence on it (the derivative by the tile's weight).

    AP = sum over distinct scores k, from the top, of (share of positives at k) x precision_k,
    as scikit-learn defines it: no interpolation. Tiles of different folds are not ranked together:
    the folds' values are averaged, weighted by their positive tiles.

    Args:
        scores: (n,) float.
        targets: (n,) bool.
        folds: (n,) int64 codes from 0; None for one network.

    Returns:
        The average precision (NaN without positives) and (n,) influences, which sum to zero.
    """
    positives = int(targets.sum())
    if not positives:
        return float("nan"), np.full(len(targets), np.nan)
    total, slopes = 0.0, np.empty(len(scores))
    for rows in by_fold(folds):
        part, slopes[rows] = _precision_sum(scores[rows], targets[rows])
        total += part
    value = total / positives
    return value, (slopes - value * targets) / positives


def _precision_sum(scores: Floats, targets: Bools) -> tuple[float, Floats]:
    """The sum of the positive tiles' precisions, and its derivative by each tile's weight."""
    ranked = ranking(scores)
    hits = np.cumsum(targets[ranked.order])[ranked.ends].astype(float)
    called = (ranked.ends + 1).astype(float)
    gained = np.diff(hits, prepend=0)
    precision = hits / called
    # A tile at score k moves the precision at k and at every lower score.
    by_positive = _from_here_down(gained * (called - hits) / called**2)
    by_negative = -_from_here_down(gained * hits / called**2)
    block = np.repeat(np.arange(len(ranked.ends)), np.diff(ranked.ends, prepend=-1))
    truth = targets[ranked.order]
    ordered = np.where(truth, by_positive[block] + precision[block], by_negative[block])
    slopes = np.empty(len(scores))
    slopes[ranked.order] = ordered
    return float(gained @ precision), slopes


def weighted_average_precision(
    ranked: Ranking, targets: Bools, weights: Floats
) -> tuple[Floats, Floats]:
    """Average precision under many weightings of the same tiles at once.

    Args:
        ranked: of the scores.
        targets: (n,) bool.
        weights: (b, n) float64, how often each tile counts, columns in the order of the ranking.

    Returns:
        (b,) float64 sums of the positive tiles' precisions, and (b,) the weight of these tiles:
        the average precision is the one over the other.
    """
    called = np.cumsum(weights, axis=1)
    hits = np.cumsum(weights * targets[ranked.order], axis=1)
    if len(ranked.ends) < weights.shape[1]:
        called, hits = called[:, ranked.ends], hits[:, ranked.ends]
    total = hits[:, -1].copy()
    gained = np.diff(hits, axis=1, prepend=0)
    np.maximum(called, np.finfo(float).tiny, out=called)  # nothing called yet: nothing gained
    hits /= called
    return np.einsum("bk,bk->b", gained, hits), total


def _from_here_down(values: Floats) -> Floats:
    return np.cumsum(values[::-1])[::-1]

"""Average precision: its value, each tile's influence, and its value under many weightings."""

from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.samples import Bools, Floats, Ints


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


def average_precision_influence(scores: Floats, targets: Bools) -> tuple[float, Floats]:
    """Average precision and each tile's influence on it (the derivative by the tile's weight).

    AP = sum over distinct scores k, from the top, of (share of positives at k) x precision_k,
    as scikit-learn defines it: no interpolation.

    Args:
        scores: (n,) float.
        targets: (n,) bool.

    Returns:
        The average precision (NaN without positives) and (n,) influences, which sum to zero.
    """
    positives = int(targets.sum())
    if not positives:
        return float("nan"), np.full(len(targets), np.nan)
    ranked = ranking(scores)
    hits = np.cumsum(targets[ranked.order])[ranked.ends].astype(float)
    called = (ranked.ends + 1).astype(float)
    gained = np.diff(hits, prepend=0)
    precision = hits / called
    value = float(gained @ precision) / positives
    # A tile at score k moves the precision at k and at every lower score.
    by_positive = _from_here_down(gained * (called - hits) / called**2)
    by_negative = -_from_here_down(gained * hits / called**2)
    block = np.repeat(np.arange(len(ranked.ends)), np.diff(ranked.ends, prepend=-1))
    truth = targets[ranked.order]
    ordered = np.where(truth, by_positive[block] + precision[block] - value, by_negative[block])
    influence = np.empty(len(scores))
    influence[ranked.order] = ordered / positives
    return value, influence


def weighted_average_precision(ranked: Ranking, targets: Bools, weights: Floats) -> Floats:
    """Average precision under many weightings of the same tiles at once.

    Args:
        ranked: of the scores.
        targets: (n,) bool.
        weights: (b, n) float64, how often each tile counts, columns in the order of the ranking.

    Returns:
        (b,) float64, NaN where no positive tile has weight.
    """
    called = np.cumsum(weights, axis=1)
    hits = np.cumsum(weights * targets[ranked.order], axis=1)
    if len(ranked.ends) < weights.shape[1]:
        called, hits = called[:, ranked.ends], hits[:, ranked.ends]
    total = hits[:, -1].copy()
    gained = np.diff(hits, axis=1, prepend=0)
    np.maximum(called, np.finfo(float).tiny, out=called)  # nothing called yet: nothing gained
    hits /= called
    with np.errstate(invalid="ignore"):
        return np.einsum("bk,bk->b", gained, hits) / total


def _from_here_down(values: Floats) -> Floats:
    return np.cumsum(values[::-1])[::-1]

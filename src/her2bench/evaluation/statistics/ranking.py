"""Metrics of the ranking: ROC-AUC and average precision, and how much each tile adds to them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    SeedPredictions,
    by_fold,
)


def placements(scores: Floats, targets: Bools) -> Floats:
    """The share of the other class that each tile is ranked rightly against, ties counting half.

    For a positive tile: the share of negative tiles with a lower score. For a negative tile: the
    share of positive tiles with a higher score. The mean over either class is the ROC-AUC.

    Args:
        scores: (n,) float, any increasing scale.
        targets: (n,) bool, both classes present.

    Returns:
        (n,) float64, 0 to 1.

    Source: DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837 (structural components).

    >>> placements(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
    array([1.  , 0.75, 0.75, 1.  ])
    """
    positive, negative = np.sort(scores[targets]), np.sort(scores[~targets])
    result = np.empty(len(scores))
    mine = scores[targets]
    below = np.searchsorted(negative, mine, "left") + np.searchsorted(negative, mine, "right")
    result[targets] = below / (2 * len(negative))
    mine = scores[~targets]
    upto = np.searchsorted(positive, mine, "left") + np.searchsorted(positive, mine, "right")
    result[~targets] = 1 - upto / (2 * len(positive))
    return result


def auc_influence(run: SeedPredictions) -> tuple[float, Floats]:
    """ROC-AUC within folds and each tile's influence on it, which sums to zero over either class.

    Scores of different networks need not be on one scale, so that only a positive and a negative
    tile of one fold are compared, and every such pair counts alike: the folds' AUCs are weighted
    by their numbers of pairs (R's cvAUC weights folds equally).

    Returns:
        The AUC (NaN where no fold holds both classes) and (n,) influences: (placement - AUC) x
        `pair_weights`.
    """
    targets, weights = run.targets, pair_weights(run.targets, run.folds)
    if not weights.any():
        return float("nan"), np.full(len(targets), np.nan)
    placed = np.zeros(len(targets))
    for rows in by_fold(run.folds):
        if weights[rows].any():
            placed[rows] = placements(run.logits[rows], targets[rows])
    auc = float((placed * weights)[targets].sum() / weights[targets].sum())  # exactly 1 if all are
    return auc, (placed - auc) * weights


def pair_weights(targets: Bools, folds: Ints | None = None) -> Floats:
    """The share of all pairs of a positive and a negative tile of one fold that hold each tile.

    Args:
        targets: (n,) bool.
        folds: (n,) int64 codes from 0; None for one network.

    Returns:
        (n,) float64 that sum to 1 over either class; all 0 where there are no such pairs.

    >>> pair_weights(np.array([True, True, False, True, False]), np.array([0, 0, 0, 1, 1]))
    array([0.33333333, 0.33333333, 0.66666667, 0.33333333, 0.33333333])
    """
    codes = np.zeros(len(targets), dtype=np.int64) if folds is None else folds
    size = int(codes.max(initial=0)) + 1
    positives, negatives = (np.bincount(codes[c], minlength=size) for c in (targets, ~targets))
    others = np.where(targets, negatives[codes], positives[codes])
    return others / max(int(positives @ negatives), 1)


def run_pair_weights(run: SeedPredictions) -> Floats:
    """`pair_weights` of one seed's predictions."""
    return pair_weights(run.targets, run.folds)


def fold_inflation(sample: LabelledTiles, folds: Ints | None) -> float:
    """How far the clustered variance overstates that of an AUC within folds, to first order.

    A placement holds the noise of all other slides of its fold, which within a small fold no
    longer cancels against the mean. With G slides, G_f of them in a fold (weighted by pairs):
    1 + 2 (1 / G_f - 1 / G). It is 1 for one fold, and for folds scored on the same slides.

    Args:
        sample: the tiles.
        folds: (n,) int64 codes from 0; None for one network.
    """
    if folds is None:
        return 1.0
    weights = pair_weights(sample.targets, folds) * sample.targets
    few = [
        float(weights[rows].sum()) / len(np.unique(sample.groups[rows])) for rows in by_fold(folds)
    ]
    return 1 + 2 * max(sum(few) - 1 / sample.n_groups, 0.0)


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


def average_precision_influence(run: SeedPredictions) -> tuple[float, Floats]:
    """Average precision and each tile's influence on it (the derivative by the tile's weight).

    AP = sum over distinct scores k, from the top, of (share of positives at k) x precision_k,
    as scikit-learn defines it: no interpolation. Tiles of different folds are not ranked together:
    the folds' values are averaged, weighted by their positive tiles.

    Returns:
        The average precision (NaN without positives) and (n,) influences, which sum to zero.
    """
    targets, positives = run.targets, int(run.targets.sum())
    if not positives:
        return float("nan"), np.full(len(targets), np.nan)
    total, slopes = 0.0, np.empty(len(targets))
    for rows in by_fold(run.folds):
        part, slopes[rows] = _precision_sum(run.logits[rows], targets[rows])
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


def average_precision_resampling(
    sample: LabelledTiles, run: SeedPredictions
) -> Callable[[Floats], Floats]:
    """Average precision as a function of (b, G) weights of the slides: (b,), NaN undefined."""
    folds = [
        (run.targets[rows], ranked, sample.groups[rows][ranked.order])
        for rows in by_fold(run.folds)
        for ranked in [ranking(run.logits[rows])]
    ]

    def values(weights: Floats) -> Floats:
        above, below = np.zeros(len(weights)), np.zeros(len(weights))
        for targets, ranked, groups in folds:
            by_tile = np.take(weights, groups, axis=1)
            precisions, positives = _weighted_precisions(ranked, targets, by_tile)
            above += precisions
            below += positives
        return np.divide(above, below, out=np.full(len(weights), np.nan), where=below > 0)

    return values


def _weighted_precisions(ranked: Ranking, targets: Bools, weights: Floats) -> tuple[Floats, Floats]:
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

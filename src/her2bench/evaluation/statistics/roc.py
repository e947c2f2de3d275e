"""ROC-AUC, and how much each tile adds to it."""

import numpy as np

from her2bench.evaluation.statistics.arrays import Bools, Floats, Ints, Sample, by_fold


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


def auc_influence(
    scores: Floats, targets: Bools, folds: Ints | None = None
) -> tuple[float, Floats]:
    """ROC-AUC within folds and each tile's influence on it, which sums to zero over either class.

    Scores of different networks need not be on one scale, so that only a positive and a negative
    tile of one fold are compared, and every such pair counts alike: the folds' AUCs are weighted
    by their numbers of pairs (R's cvAUC weights folds equally).

    Args:
        scores: (n,) float.
        targets: (n,) bool.
        folds: (n,) int64 codes from 0; None for one network.

    Returns:
        The AUC (NaN where no fold holds both classes) and (n,) influences: (placement - AUC) x
        `pair_weights`.
    """
    weights = pair_weights(targets, folds)
    if not weights.any():
        return float("nan"), np.full(len(targets), np.nan)
    placed = np.zeros(len(targets))
    for rows in by_fold(folds):
        if weights[rows].any():
            placed[rows] = placements(scores[rows], targets[rows])
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


def fold_inflation(sample: Sample, folds: Ints | None) -> float:
    """How far the clustered variance overstates that of an AUC within folds, to first order.

    A placement holds the noise of all other slides of its fold, which within a small fold no
    longer cancels against the mean. With G slides, G_f of them in a fold (weighted by pairs):
    1 + 2 (1 / G_f - 1 / G). It is 1 for one fold, and for folds judged on the same slides.

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

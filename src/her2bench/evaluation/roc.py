"""ROC-AUC, and how much each tile adds to it."""

import numpy as np

from her2bench.evaluation.samples import Bools, Floats


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


def auc_influence(scores: Floats, targets: Bools) -> tuple[float, Floats]:
    """ROC-AUC and each tile's influence on it, which sums to zero over either class.

    Args:
        scores: (n,) float.
        targets: (n,) bool.

    Returns:
        The AUC (NaN with one class only) and (n,) influences: (placement - AUC) / class size.
    """
    positives = int(targets.sum())
    negatives = len(targets) - positives
    if not positives or not negatives:
        return float("nan"), np.full(len(targets), np.nan)
    placed = placements(scores, targets)
    auc = float(placed[targets].mean())
    return auc, (placed - auc) / np.where(targets, positives, negatives)

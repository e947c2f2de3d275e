"""Points and parts of the ROC curve: sensitivity at a specificity, the reverse, partial ROC-AUC.

The threshold is chosen on the scored tiles themselves. The interval accounts for this: each
replicate of the cluster bootstrap chooses its own threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
    by_fold,
)
from her2bench.evaluation.statistics.bootstrap import slide_weights
from her2bench.evaluation.statistics.predictive_values import NPV, PPV

SENSITIVITY, SPECIFICITY, PARTIAL = (
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "partial_roc_auc",
)
LABELS = {
    SENSITIVITY: "sensitivity at specificity",
    SPECIFICITY: "specificity at sensitivity",
    PARTIAL: "partial ROC-AUC, FPR up to",
    PPV: "PPV at prevalence",
    NPV: "NPV at prevalence",
}
"""What stands before the value that is asked for: points of the curve, predictive values."""


@dataclass(frozen=True)
class Point:
    """What is asked of a ROC curve: one of `LABELS` and the value it is asked at."""

    kind: str
    at: float

    @property
    def name(self) -> str:
        """As in `scores.json`: "sensitivity_at_specificity_0.95"."""
        return f"{self.kind}_{self.at:g}"


def point_label(name: str) -> str | None:
    """The label of what was asked for at a value, by its name; None for other names.

    >>> point_label("sensitivity_at_specificity_0.95")
    'sensitivity at specificity 0.95'
    """
    kind, _, at = name.rpartition("_")
    return f"{LABELS[kind]} {at}" if kind in LABELS else None


def point_values(
    sample: LabelledTiles, answers: ModelPredictions, point: Point, weights: Floats
) -> Floats:
    """A point of each seed's ROC curve under any weighting of the slides.

    Within folds, as ROC-AUC: each fold has a curve of its own, weighted by its pairs of tiles.

    Args:
        sample: the tiles.
        answers: the model's, of S seeds.
        point: what is asked.
        weights: (b, G) float64, how often each slide counts.

    Returns:
        (S, b) float64, NaN where a class is missing.
    """
    result = []
    for logits, _, _, folds in answers.by_seed:
        above, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for rows in by_fold(folds):
            curve = _Curve(logits[rows], sample.targets[rows], sample.groups[rows])
            value, number = curve.at(point, weights)
            above += np.where(number > 0, value * number, 0.0)
            pairs += number
        result.append(np.divide(above, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))
    return np.array(result)


def point_replicates(
    sample: LabelledTiles, answers: ModelPredictions, point: Point, replicates: int, seed: int
) -> Floats:
    """Bootstrap replicates, averaged over seeds: (B,) float64, the draws shared by all models."""
    blocks = slide_weights(sample, replicates, np.random.default_rng(seed))
    return np.concatenate([point_values(sample, answers, point, w).mean(axis=0) for w in blocks])


class _Curve:
    """The ROC curve of one fold: tiles from the highest logit down, equal logits together."""

    def __init__(self, logits: Floats, targets: Bools, groups: Ints) -> None:
        order = np.argsort(-logits, kind="stable")
        self._targets, self._groups = targets[order], groups[order]
        self._ends = np.flatnonzero(np.r_[np.diff(logits[order]) != 0, True])

    def at(self, point: Point, weights: Floats) -> tuple[Floats, Floats]:
        """The point under (b, G) weights, and the pairs of tiles it rests on: (b,) each."""
        by_tile = np.take(weights, self._groups, axis=1)
        found, missed = (
            self._reached(by_tile, self._targets),
            self._reached(by_tile, ~self._targets),
        )
        positives, negatives = found[:, -1], missed[:, -1]
        sensitivity = found / np.maximum(positives, 1e-300)[:, None]
        fall_out = missed / np.maximum(negatives, 1e-300)[:, None]
        return _POINTS[point.kind](sensitivity, fall_out, point.at), positives * negatives

    def _reached(self, by_tile: Floats, chosen: Bools) -> Floats:
        """The weight of the chosen tiles down to each distinct logit, from none: (b, L + 1)."""
        sums = np.cumsum(by_tile * chosen, axis=1)[:, self._ends]
        return np.hstack([np.zeros((len(sums), 1)), sums])


def _sensitivity_at(sensitivity: Floats, fall_out: Floats, specificity: float) -> Floats:
    allowed = (fall_out <= 1 - specificity + 1e-12).sum(axis=1) - 1
    return np.take_along_axis(sensitivity, allowed[:, None], axis=1)[:, 0]


def _specificity_at(sensitivity: Floats, fall_out: Floats, wanted: float) -> Floats:
    first = (sensitivity < wanted - 1e-12).sum(axis=1)
    first = np.minimum(first, sensitivity.shape[1] - 1)
    return 1 - np.take_along_axis(fall_out, first[:, None], axis=1)[:, 0]


def _partial_area(sensitivity: Floats, fall_out: Floats, most: float) -> Floats:
    """McClish's standardised partial area: 1/2 for chance, 1 for a perfect model.

    Source: McClish 1989, Medical Decision Making 9:190.
    """
    start, end = fall_out[:, :-1], fall_out[:, 1:]
    width = np.minimum(end, most) - np.minimum(start, most)
    share = np.divide(width, end - start, out=np.zeros_like(width), where=end > start)
    height = sensitivity[:, :-1] + share * np.diff(sensitivity, axis=1) / 2
    area = (width * height).sum(axis=1)
    least = most**2 / 2
    return (1 + (area - least) / (most - least)) / 2


_POINTS: dict[str, Callable[[Floats, Floats, float], Floats]] = {
    SENSITIVITY: _sensitivity_at,
    SPECIFICITY: _specificity_at,
    PARTIAL: _partial_area,
}

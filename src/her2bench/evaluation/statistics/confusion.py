"""Metrics of a confusion table: values and gradients, for one table or for thousands at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
    SeedPredictions,
)

# Cells stand in this order everywhere: true positive, false positive, false negative, true
# negative. Every metric here is a ratio that does not change when all counts are doubled, so a
# tile's influence on it is simply the gradient at the tile's cell (Euler's theorem makes these
# sum to zero).
Weights = tuple[float, ...]  # of each cell


def cells(targets: Bools, calls: Bools) -> Ints:
    """Each tile's cell of the confusion table, 0 TP, 1 FP, 2 FN, 3 TN: (n,) int64.

    >>> cells(np.array([True, False, True, False]), np.array([True, True, False, False]))
    array([0, 1, 2, 3])
    """
    return 2 * (~calls).astype(np.int64) + ~targets


def _binary_cells(run: SeedPredictions) -> Ints:
    return cells(run.targets, run.calls)


@dataclass(frozen=True)
class CountMetric:
    """A metric of the confusion table, with all that statistics need of it.

    Args:
        value: of (..., 4) counts: (...), NaN where undefined.
        slope: how the value moves with each of (4,) counts, where it is defined: (4,).
        cell: each tile's cell of the table: (n,) int64.
        size: how many cells a table has, here written as 4.
    """

    value: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    cell: Callable[[SeedPredictions], Ints] = _binary_cells
    size: int = 4

    def gradient(self, counts: Floats) -> Floats:
        """The slope at (4,) counts, NaN where the metric is undefined: (4,)."""
        return np.full(self.size, np.nan) if np.isnan(self.value(counts)) else self.slope(counts)

    def slide_tables(self, sample: LabelledTiles, run: SeedPredictions) -> Floats:
        """The confusion table of each slide: (G, 4) counts."""
        place = sample.groups * self.size + self.cell(run)
        counts = np.bincount(place, minlength=self.size * sample.n_groups)
        return counts.reshape(sample.n_groups, self.size).astype(np.float64)

    def influence(self, run: SeedPredictions) -> tuple[float, Floats]:
        """The value, and each tile's influence on it: (n,)."""
        cell = self.cell(run)
        counts = np.bincount(cell, minlength=self.size).astype(np.float64)
        return float(self.value(counts)), self.gradient(counts)[cell]

    def resampling(self, sample: LabelledTiles, run: SeedPredictions) -> Callable[[Floats], Floats]:
        """The value as a function of (b, G) weights of the slides: (b,)."""
        tables = self.slide_tables(sample, run)
        return lambda weights: self.value(weights @ tables)

    def contributions(
        self, sample: LabelledTiles, a: ModelPredictions, b: ModelPredictions
    ) -> Floats:
        """The difference a - b split into slides, (G,): a swap of a and b changes each sign.

        The gradient half-way between the two models' tables, times the difference of the slide's
        tables; exact for accuracy, balanced accuracy, sensitivity and specificity, and to third
        order for the others.
        """
        tables_a, tables_b = (
            [
                self.slide_tables(sample, run)
                for run in answers.with_truth(sample.targets, 1, sample.scores)
            ]
            for answers in (a, b)
        )
        pairs = [
            (one - other) @ self.gradient((one + other).sum(0) / 2)
            for one in tables_a
            for other in tables_b
        ]
        return np.mean(pairs, axis=0)


def ratio(above: Weights, below: Weights) -> CountMetric:
    """A ratio of two weighted sums of TP, FP, FN and TN; undefined where `below` is 0.

    >>> float(ratio((2, 0, 0, 0), (2, 1, 1, 0)).value(np.array([3.0, 1.0, 1.0, 5.0])))  # F1
    0.75
    """
    up, down = np.array(above, dtype=np.float64), np.array(below, dtype=np.float64)

    def value(c: Floats) -> Floats:
        return divided(c @ up, c @ down)

    def slope(c: Floats) -> Floats:
        return (up - value(c) * down) / (down @ c)

    return CountMetric(value, slope)


def mean_of(one: CountMetric, other: CountMetric) -> CountMetric:
    """The mean of two metrics."""
    return CountMetric(
        lambda c: (one.value(c) + other.value(c)) / 2,
        lambda c: (one.slope(c) + other.slope(c)) / 2,
    )


def divided(above: Floats, below: Floats) -> Floats:
    """above / below, NaN (undefined, not 0) where below is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)


def _mcc(c: Floats) -> Floats:
    tp, fp, fn, tn = (c[..., k].astype(np.float64) for k in range(4))
    return divided(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def _mcc_slope(c: Floats) -> Floats:
    tp, fp, fn, tn = c
    called, not_called, positive, negative = tp + fp, fn + tn, tp + fn, fp + tn
    root = np.sqrt(called * positive * negative * not_called)
    log_slope = np.array(
        [
            1 / called + 1 / positive,
            1 / called + 1 / negative,
            1 / not_called + 1 / positive,
            1 / not_called + 1 / negative,
        ]
    )
    return np.array([tn, -fn, -fp, tp]) / root - float(_mcc(c)) * log_slope / 2


def _kappa(c: Floats) -> Floats:
    tp, fp, fn, tn = (c[..., k].astype(np.float64) for k in range(4))
    return divided(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


def _kappa_slope(c: Floats) -> Floats:
    tp, fp, fn, tn = c
    below = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
    n = c.sum()
    slope = np.array([n - tp + tn, n + fp - fn, n + fn - fp, n - tn + tp])
    return (2 * np.array([tn, -fn, -fp, tp]) - _kappa(c) * slope) / below


ACCURACY = ratio((1, 0, 0, 1), (1, 1, 1, 1))
SENSITIVITY = ratio((1, 0, 0, 0), (1, 0, 1, 0))
SPECIFICITY = ratio((0, 0, 0, 1), (0, 1, 0, 1))
BALANCED_ACCURACY = mean_of(SENSITIVITY, SPECIFICITY)
PPV = ratio((1, 0, 0, 0), (1, 1, 0, 0))
NPV = ratio((0, 0, 0, 1), (0, 0, 1, 1))
F1 = ratio((2, 0, 0, 0), (2, 1, 1, 0))
MCC = CountMetric(_mcc, _mcc_slope)  # undefined if the calls or the truth are constant
KAPPA = CountMetric(_kappa, _kappa_slope)  # undefined if both are constant and equal

"""Each slide's share of the difference between two models, for the permutation test."""

import numpy as np

from her2bench.evaluation.statistics.arrays import Answers, Bools, Floats, Sample
from her2bench.evaluation.statistics.confusion import COUNT_METRICS, cells, gradient
from her2bench.evaluation.statistics.differences import Difference


def shares(d: Difference, a: Answers, b: Answers) -> Floats:
    """Split a difference into slides, so that a swap of the two models changes each share's sign.

    For metrics at a threshold: the gradient of the metric half-way between the two confusion
    tables, times the difference of the slide's tables; exact for accuracy, balanced accuracy,
    sensitivity and specificity, and to third order for the others. For the rest the slide's
    influence on the difference, the difference itself shared out by tiles; exact for Brier score
    and log loss.

    Args:
        d: the difference of one metric.
        a, b: the two models' answers to the same tiles.

    Returns:
        (G,) float64 whose sum is the difference, to that order; NaN if undefined.
    """
    sample = d.a.sample
    if d.a.metric in COUNT_METRICS:
        tables_a, tables_b = (slide_tables(sample, answers.calls) for answers in (a, b))
        pairs = [
            (one - other) @ gradient(d.a.metric, (one + other).sum(0) / 2)
            for one in tables_a
            for other in tables_b
        ]
        return np.mean(pairs, axis=0)
    tiles = sample.sums(np.ones(len(sample.targets)))
    return d.parts.sum(axis=0) + d.value * tiles / tiles.sum()


def slide_tables(sample: Sample, calls: Bools) -> Floats:
    """Confusion tables of each seed and slide: (S, n) calls to (S, G, 4) counts."""
    size = sample.n_groups
    return np.stack(
        [
            np.bincount(sample.groups * 4 + cells(sample.targets, each), minlength=4 * size)
            .reshape(size, 4)
            .astype(np.float64)
            for each in calls
        ]
    )

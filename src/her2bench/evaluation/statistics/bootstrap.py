"""The cluster bootstrap: slides drawn with replacement, all replicates at once.

A replicate is a row of weights, how often each slide was drawn. Every metric is then a function
of weighted sums over slides, so that thousands of replicates are one matrix product; average
precision alone needs the tiles in their order.
"""

from collections.abc import Iterator

import numpy as np

from her2bench.evaluation.statistics.arrays import Answers, Bools, Floats, Ints, Sample, by_fold
from her2bench.evaluation.statistics.confusion import COUNT_METRICS
from her2bench.evaluation.statistics.precision_recall import ranking, weighted_average_precision
from her2bench.evaluation.statistics.probabilistic import (
    brier_terms,
    equal_mass_bins,
    log_loss_terms,
)
from her2bench.evaluation.statistics.slide_contributions import slide_tables

BLOCK = 400_000  # weights a block: small enough for the processor's cache


def slide_weights(sample: Sample, replicates: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Draw slides with replacement, in blocks of rows.

    Args:
        sample: its slides are drawn.
        replicates: B in all.
        rng: the source of randomness.

    Yields:
        (b, G) float64, how often each slide was drawn; rows sum to G.
    """
    groups = sample.n_groups
    rows = max(1, BLOCK // max(groups, len(sample.targets)))
    for start in range(0, replicates, rows):
        b = min(rows, replicates - start)
        drawn = rng.integers(0, groups, (b, groups)) + groups * np.arange(b)[:, None]
        yield np.bincount(drawn.ravel(), minlength=b * groups).reshape(b, groups).astype(float)


class Resampler:
    """One model's metrics under any weighting of the slides.

    Args:
        sample: the tiles.
        answers: the model's.
        metrics: which to compute, any but `roc_auc`.
        bins: of the calibration error; its bins stay those of the data.
    """

    def __init__(
        self, sample: Sample, answers: Answers, metrics: tuple[str, ...], bins: int
    ) -> None:
        self._sample, self._metrics = sample, metrics
        self._seeds = [_SeedSums(sample, *each, bins) for each in answers.by_seed]

    def values(self, weights: Floats) -> dict[str, Floats]:
        """The metrics, meant over seeds, for (b, G) weights: (b,) float64 each, NaN undefined."""
        each = [seed.values(weights, self._metrics) for seed in self._seeds]
        return {name: np.mean([values[name] for values in each], axis=0) for name in self._metrics}


class _SeedSums:
    """What one seed's metrics need: sums over each slide."""

    def __init__(
        self,
        sample: Sample,
        logits: Floats,
        probabilities: Floats,
        calls: Bools,
        folds: Ints | None,
        bins: int,
    ) -> None:
        targets, groups, size = sample.targets, sample.groups, sample.n_groups
        self._counts = slide_tables(sample, calls[None])[0]
        self._tiles = self._counts.sum(1)
        self._terms = {
            "brier": sample.sums(brier_terms(probabilities, targets)),
            "log_loss": sample.sums(log_loss_terms(probabilities, targets)),
        }
        where = equal_mass_bins(probabilities, bins)
        k = int(where.max()) + 1
        self._excess = np.bincount(
            groups * k + where, weights=targets - probabilities, minlength=k * size
        ).reshape(size, k)
        self._folds = [
            (targets[rows], ranked, groups[rows][ranked.order])
            for rows in by_fold(folds)
            for ranked in [ranking(logits[rows])]
        ]

    def values(self, weights: Floats, metrics: tuple[str, ...]) -> dict[str, Floats]:
        counts, tiles = weights @ self._counts, weights @ self._tiles
        result = {}
        for name in metrics:
            if name in COUNT_METRICS:
                result[name] = COUNT_METRICS[name](counts)
            elif name in self._terms:
                result[name] = weights @ self._terms[name] / tiles
            elif name == "calibration_error":
                result[name] = np.abs(weights @ self._excess).sum(1) / tiles
            else:
                result[name] = self._average_precision(weights)
        return result

    def _average_precision(self, weights: Floats) -> Floats:
        above, below = np.zeros(len(weights)), np.zeros(len(weights))
        for targets, ranked, groups in self._folds:
            by_tile = np.take(weights, groups, axis=1)
            precisions, positives = weighted_average_precision(ranked, targets, by_tile)
            above += precisions
            below += positives
        return np.divide(above, below, out=np.full(len(weights), np.nan), where=below > 0)


def bootstrap(
    resamplers: list[Resampler], sample: Sample, replicates: int, rng: np.random.Generator
) -> list[dict[str, Floats]]:
    """Bootstrap several models with the same draws, so that their differences are paired.

    Returns:
        For each model, metric → (B,) float64 replicates.
    """
    blocks = [
        [resampler.values(weights) for resampler in resamplers]
        for weights in slide_weights(sample, replicates, rng)
    ]
    return [
        {name: np.concatenate([block[m][name] for block in blocks]) for name in blocks[0][m]}
        for m in range(len(resamplers))
    ]

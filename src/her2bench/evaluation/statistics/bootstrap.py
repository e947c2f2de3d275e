"""The cluster bootstrap: slides drawn with replacement, all replicates at once.

A replicate is a row of weights, how often each slide was drawn. Most metrics are functions of
weighted sums over slides, so that thousands of replicates are one matrix product; average
precision needs the tiles in their order. A metric without a `resampling` of its own is computed
again from the tiles of the drawn slides.
"""

from collections.abc import Iterator

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Floats,
    LabelledTiles,
    ModelPredictions,
    SeedPredictions,
)
from her2bench.evaluation.statistics.metrics import METRICS, Metric, Resampled

BLOCK = 400_000  # weights a block: small enough for the processor's cache


def slide_weights(
    sample: LabelledTiles, replicates: int, rng: np.random.Generator
) -> Iterator[Floats]:
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
        metrics: names of those to compute.
        bins: of the calibration error; its bins stay those of the data.
    """

    def __init__(
        self, sample: LabelledTiles, answers: ModelPredictions, metrics: tuple[str, ...], bins: int
    ) -> None:
        runs = answers.with_truth(sample.targets, bins, sample.scores)
        self._seeds = {
            name: [_resampled(METRICS[name], sample, run) for run in runs] for name in metrics
        }

    def values(self, weights: Floats) -> dict[str, Floats]:
        """The metrics averaged over seeds, for (b, G) weights: (b,) float64 each, NaN undefined."""
        return {
            name: np.mean([values(weights) for values in seeds], axis=0)
            for name, seeds in self._seeds.items()
        }


def _resampled(metric: Metric, sample: LabelledTiles, run: SeedPredictions) -> Resampled:
    if metric.resampling is not None:
        return metric.resampling(sample, run)

    def drawn(weights: Floats) -> float:
        times = weights[sample.groups].astype(np.int64)
        return metric.of(run.take(np.repeat(np.arange(len(times)), times)))

    return lambda weights: np.array([drawn(row) for row in weights])


def bootstrap(
    resamplers: list[Resampler], sample: LabelledTiles, replicates: int, rng: np.random.Generator
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

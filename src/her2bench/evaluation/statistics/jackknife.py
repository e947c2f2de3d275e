"""The jackknife over slides: what each slide adds to a metric that has no influence function."""

import numpy as np

from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles, SeedPredictions
from her2bench.evaluation.statistics.metrics import Metric


def slide_influences(
    metric: Metric, value: float, sample: LabelledTiles, run: SeedPredictions, shares: Floats
) -> Floats:
    """The influence of each slide's positive and negative tiles, by leaving them out in turn.

    What the value changes by when a slide is left out, times the rest's share of the metric, is
    exactly the slide's influence on a mean, and its influence to first order on any other metric.
    Of metrics that do not look at each class for itself the slide is left out whole.

    Args:
        metric: with a value function.
        value: of all tiles.
        sample: the tiles.
        run: the predictions for them.
        shares: (2, G) float64, how much of the metric rests on each slide's tiles.

    Returns:
        (2, G) float64, each row summing to 0 (of the whole slides: in the first row).
    """
    classes = [run.targets, ~run.targets] if metric.by_class else [np.ones_like(run.targets)]
    parts = np.zeros((2, sample.n_groups))
    for row, of_class in enumerate(classes):
        for g in np.flatnonzero(shares[row]):
            rest = ~(of_class & (sample.groups == g))
            without = metric.of(run.take(rest)) if rest.any() else np.nan
            parts[row, g] = (value - without) * (1 - shares[row, g])
        parts[row] -= shares[row] * parts[row].sum()
    return parts

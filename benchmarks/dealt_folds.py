"""Folds of whole slides with like shares of positives, as simple as a simulation needs them."""

import numpy as np

from her2bench.evaluation.statistics.arrays import Ints, LabelledTiles


def dealt(sample: LabelledTiles, folds: int, rng: np.random.Generator) -> Ints:
    """Each tile's fold: whole slides, dealt in the order of their share of positives."""
    share = sample.sums(sample.targets.astype(float)) / sample.sums(np.ones(len(sample.targets)))
    order = np.lexsort((rng.random(sample.n_groups), share))
    rounds = -(-sample.n_groups // folds)
    deck = np.concatenate([rng.permutation(folds) for _ in range(rounds)])[: sample.n_groups]
    of_slide = np.empty(sample.n_groups, dtype=np.int64)
    of_slide[order] = deck
    return of_slide[sample.groups]

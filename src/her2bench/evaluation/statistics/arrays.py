"""The tiles that models are scored on, their slides, and one model's predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from her2bench.core.ordinal import predicted_scores

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Rows = Ints | slice
FEW_GROUPS = 20  # with fewer slides a study is a pilot


@dataclass(frozen=True)
class LabelledTiles:
    """The tiles of one split.

    Args:
        targets: (n,) bool, the truth.
        groups: (n,) int64, each tile's slide as a code 0 to G-1, every code in use. Where slides
            are unknown, each tile has a code of its own.
        known: whether the groups are slides, not a stand-in.
        tiles: (n,) int64, each row's tile as a code, where a tile may have several rows because
            networks of several folds scored it; None where each row is a tile of its own.
        scores: (n,) int64, 0 to 3, each tile's reference score; None where it is unknown.
    """

    targets: Bools
    groups: Ints
    known: bool = True
    tiles: Ints | None = None
    scores: Ints | None = None

    @cached_property
    def n_groups(self) -> int:
        """G, the number of slides."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0

    @cached_property
    def once(self) -> Floats:
        """(n,) float64, what each row counts for so that each tile counts once."""
        if self.tiles is None:
            return np.ones(len(self.targets))
        return 1 / np.bincount(self.tiles)[self.tiles]

    @property
    def one_each(self) -> bool:
        """Whether each slide has one row, as at slide level: slides are then independent units."""
        return self.known and self.n_groups == self.n_tiles

    @property
    def unit(self) -> str:
        """What is taken as independent, in words."""
        if self.one_each:
            return "slides as independent"
        return "clustered by slide" if self.known else "tiles as independent"

    @cached_property
    def n_tiles(self) -> int:
        """How many tiles there are, each counted once."""
        return round(float(self.once.sum()))

    @cached_property
    def positive_groups(self) -> int:
        """How many slides hold at least one positive tile."""
        return int(np.count_nonzero(np.bincount(self.groups[self.targets])))

    @cached_property
    def negative_groups(self) -> int:
        """How many slides hold at least one negative tile."""
        return int(np.count_nonzero(np.bincount(self.groups[~self.targets])))

    def sums(self, values: Floats) -> Floats:
        """Sum (n,) values within each slide: (G,)."""
        total = np.bincount(self.groups, weights=values, minlength=self.n_groups)
        return total.astype(np.float64, copy=False)

    def part(self, chosen: Bools, targets: Bools) -> "LabelledTiles":
        """The chosen rows, with these (n,) targets for theirs, as a sample of their own."""
        groups = codes(self.groups[chosen])
        tiles = None if self.tiles is None else codes(self.tiles[chosen])
        scores = None if self.scores is None else self.scores[chosen]
        return LabelledTiles(targets[chosen], groups, self.known, tiles, scores)


@dataclass(frozen=True)
class SeedPredictions:
    """One seed's predictions and the truth: all that a metric is computed from.

    Args:
        targets: (n,) bool, the truth.
        logits: (n,) float64.
        probabilities: (n,) float64, 0 to 1.
        calls: (n,) bool, whether the tile is predicted positive.
        bins: of the calibration error.
        folds: (n,) int64, codes 0 upward of the fold whose network predicted the tile; None where
            one network predicted all. Scores of different folds need not be on one scale.
        scores: (n,) int64, 0 to 3, the reference scores; None where unknown.
        distribution: (n, 4) float64, the probability of each score; None of a binary model.
    """

    targets: Bools
    logits: Floats
    probabilities: Floats
    calls: Bools
    bins: int = 15
    folds: Ints | None = None
    scores: Ints | None = None
    distribution: Floats | None = None

    def take(self, rows: Ints | Bools) -> "SeedPredictions":
        """Some of the tiles, any of them more than once."""
        return SeedPredictions(
            self.targets[rows],
            self.logits[rows],
            self.probabilities[rows],
            self.calls[rows],
            self.bins,
            None if self.folds is None else codes(self.folds[rows]),
            None if self.scores is None else self.scores[rows],
            None if self.distribution is None else self.distribution[rows],
        )


@dataclass(frozen=True)
class ModelPredictions:
    """One model's predictions for a sample, one row per seed.

    Args:
        model: its name.
        seeds: the S seeds it was trained with.
        logits: (S, n) float64.
        probabilities: (S, n) float64, 0 to 1.
        calls: (S, n) bool, whether the tile is predicted positive.
        folds: (S, n) int64, codes 0 upward of the fold whose network answered; None where all
            answers of a seed are one network's.
        distributions: (S, n, 4) float64, the probability of each score; None of a binary model.
    """

    model: str
    seeds: tuple[int, ...]
    logits: Floats
    probabilities: Floats
    calls: Bools
    folds: Ints | None = None
    distributions: Floats | None = None

    @cached_property
    def scores(self) -> Ints:
        """(S, n) int64, the predicted scores of an ordinal model."""
        assert self.distributions is not None
        return predicted_scores(self.distributions)

    @property
    def by_seed(self) -> Iterator[tuple[Floats, Floats, Bools, Ints | None]]:
        """Logits, probabilities, calls and folds of each seed, (n,) each."""
        folds = [None] * len(self.seeds) if self.folds is None else self.folds
        return zip(self.logits, self.probabilities, self.calls, folds, strict=True)

    def take(self, chosen: Bools) -> "ModelPredictions":
        """The predictions for the chosen tiles."""
        folds, given = self.folds, self.distributions
        return ModelPredictions(
            self.model,
            self.seeds,
            self.logits[:, chosen],
            self.probabilities[:, chosen],
            self.calls[:, chosen],
            None if folds is None else np.stack([codes(each[chosen]) for each in folds]),
            distributions=None if given is None else given[:, chosen],
        )

    def with_truth(
        self, targets: Bools, bins: int, scores: Ints | None = None
    ) -> list[SeedPredictions]:
        """Each seed's predictions beside the (n,) targets and, where known, reference scores."""
        given = [None] * len(self.seeds) if self.distributions is None else self.distributions
        return [
            SeedPredictions(targets, logits, probabilities, calls, bins, folds, scores, each)
            for (logits, probabilities, calls, folds), each in zip(self.by_seed, given, strict=True)
        ]


def by_fold(folds: Ints | None) -> list[Rows]:
    """The rows of each fold; all of them where there is one."""
    if folds is None:
        return [slice(None)]
    return [np.flatnonzero(folds == fold) for fold in range(int(folds.max()) + 1)]


def codes(values: Floats | Ints) -> Ints:
    """Numbers as codes 0 upward, every code in use."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)

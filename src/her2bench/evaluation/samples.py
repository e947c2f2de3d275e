"""The tiles that models are judged on, their slides, and one model's answers to them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """The tiles of one split.

    Args:
        targets: (n,) bool, the truth.
        groups: (n,) int64, each tile's slide as a code 0 to G-1, every code in use. Where slides
            are unknown, each tile has a code of its own.
        known: whether the groups are slides, not a stand-in.
    """

    targets: Bools
    groups: Ints
    known: bool = True

    @cached_property
    def n_groups(self) -> int:
        """G, the number of slides."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0

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


@dataclass(frozen=True)
class Answers:
    """One model's answers to a sample, one row a seed.

    Args:
        model: its name.
        seeds: the S seeds it was trained with.
        logits: (S, n) float64.
        probabilities: (S, n) float64, 0 to 1.
        calls: (S, n) bool, whether the tile is called positive.
    """

    model: str
    seeds: tuple[int, ...]
    logits: Floats
    probabilities: Floats
    calls: Bools

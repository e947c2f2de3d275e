"""A metric: one object holds its formula, its variance, its label and its range."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
    SeedPredictions,
)

Over = Literal["all", "positives", "negatives", "both", "called", "not called"]
Sees = Literal["calls", "probabilities", "ranks", "everything", "scores", "distributions"]
Kind = Literal["binary", "ordinal"]
Resampled = Callable[[Floats], Floats]  # (b, G) weights of the slides → (b,) values


@dataclass(frozen=True)
class Metric:
    """A metric. Name, label and `value` (or `influence`) are enough.

    Without `influence`, the variance is that of the jackknife over slides; without `resampling`,
    each bootstrap replicate is computed again from the tiles of the drawn slides. Both take time.

    Args:
        name: as in `scores.json`: lower-case letters, digits and underscores.
        label: as in a sentence.
        value: of one seed's predictions; NaN where undefined. It is not asked where no tile is
            `over` it.
        title: as in a table; the label with a capital where empty.
        kind: "binary": of target, probability and call; "ordinal": of the reference score and the
            probabilities of the four scores (`scores` and `distribution` of the predictions), so
            that it is computed for models that have them.
        over: the tiles it is a statement about. "positives" and "negatives": that class alone;
            "both": undefined or of no use without either class, so that the scarcer one's slides
            decide how sure it is; "called" and "not called": the tiles predicted positive or
            negative; "all": a mean over all tiles.
        sees: what it depends on, so that models that agree in it have equal values.
        least, most: its range.
        higher_is_better: False for errors.
        interval: how its interval is made. "obuchowski": from its variance alone, without a
            bootstrap; "proportion": Wilson's; "bootstrap": percentiles of replicates.
        influence: the value, and each tile's influence on it, (n,): the derivative by the tile's
            weight (infinitesimal jackknife; for ROC-AUC the structural components of DeLong). The
            metric on other tiles differs from this one, to first order, by the sum of such terms.
            Sums over slides of it give the variance.
        resampling: prepares one seed's predictions; what it returns gives the values for (b, G)
            weights of the slides.
        contributions: splits the difference of two models into slides for the permutation test:
            (G,), of which a swap of the models changes the signs. Where None, the difference is
            shared out by tiles, and each slide's influence added.
        masses: how much of it rests on each tile, (n,); where None, alike on those of `over`.
        inflation: by which its clustered variance is too large, given the folds.
        halves: the two metrics it is the mean of.
        noise: of a metric that noise alone makes larger: the covariance of its bins.
    """

    name: str
    label: str
    value: Callable[[SeedPredictions], float] | None = None
    _: KW_ONLY
    title: str = ""
    kind: Kind = "binary"
    over: Over = "all"
    sees: Sees = "everything"
    least: float = 0.0
    most: float = 1.0
    higher_is_better: bool = True
    interval: Literal["obuchowski", "proportion", "bootstrap"] = "bootstrap"
    influence: Callable[[SeedPredictions], tuple[float, Floats]] | None = None
    resampling: Callable[[LabelledTiles, SeedPredictions], Resampled] | None = None
    contributions: Callable[[LabelledTiles, ModelPredictions, ModelPredictions], Floats] | None = (
        None
    )
    masses: Callable[[SeedPredictions], Floats] | None = None
    inflation: Callable[[LabelledTiles, Ints | None], float] | None = None
    halves: tuple[str, ...] = ()
    noise: Callable[[LabelledTiles, ModelPredictions, int], Floats] | None = None

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.label[:1].upper() + self.label[1:])

    @property
    def by_class(self) -> bool:
        """Whether it looks at each class for itself."""
        return self.over in ("both", "positives", "negatives")

    @property
    def resampled(self) -> bool:
        """Whether its interval, or that of a difference, may come from a bootstrap."""
        return self.interval != "obuchowski"

    def of(self, run: SeedPredictions) -> float:
        """Its value for one seed's predictions; NaN where undefined, or a class is missing."""
        if self.value is None:
            assert self.influence is not None  # `register_metric` has seen to it
            return self.influence(run)[0]
        classes = len(np.unique(run.targets)) if self.over == "both" else 2
        if classes < 2 or not self.counted(run.targets, run.calls).any():
            return float("nan")
        return float(self.value(run))

    def counted(self, targets: Bools, calls: Bools) -> Bools:
        """The tiles it is a statement about: (n,) bool."""
        tiles = {
            "positives": targets, "negatives": ~targets, "called": calls, "not called": ~calls,
        }  # fmt: skip
        return tiles.get(self.over, np.ones(len(targets), dtype=bool))

    def held_by(self, run: SeedPredictions) -> Floats:
        """How much of it rests on each tile: (n,), to be compared within the metric."""
        if self.masses is not None:
            return self.masses(run)
        return self.counted(run.targets, run.calls).astype(np.float64)

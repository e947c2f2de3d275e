"""A metric's estimate: its value for each seed, and its variance between slides and seeds.

There are two questions. *These weights*: the S trained networks are given, and only the
slides are a sample; the metric is the mean over the seeds, and so is each tile's influence on
it. *This recipe*: the seeds are sampled too, and add their variance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.degrees_of_freedom import degrees_of_freedom, slide_shares
from her2bench.evaluation.statistics.jackknife import slide_influences
from her2bench.evaluation.statistics.metrics import METRICS


@dataclass(frozen=True)
class Estimate:
    """A metric of one model on one sample.

    Args:
        metric: a key of `METRICS`.
        values: (S,) float64, one per seed.
        parts: (S, 2, G) float64, the influence of each slide's positive and negative tiles.
        tiles: (n,) float64, the influence of each tile, averaged over seeds; NaN where the metric
            has no influence function.
        sample: the tiles.
        shares: (2, G) float64, how much of the metric rests on each slide's positive and negative
            tiles (for PPV: on those predicted positive), averaged over seeds.
        counted_tiles: how many tiles the metric is a statement about, averaged over seeds.
        inflation: by which the clustered variance is too large (`Metric.inflation`).
        halves: the two that it is the mean of, if it is (`Metric.halves`).
        noise: as `Metric.noise` gives it.
    """

    metric: str
    values: Floats
    parts: Floats
    tiles: Floats
    sample: LabelledTiles
    shares: Floats
    counted_tiles: float
    inflation: float = 1.0
    halves: tuple["Estimate", ...] = ()
    noise: Floats | None = None

    @cached_property
    def value(self) -> float:
        """The mean over seeds; NaN if undefined for any of them."""
        return float(self.values.mean())

    @cached_property
    def mean_parts(self) -> Floats:
        """(2, G) float64, the influences averaged over seeds."""
        return self.parts.mean(axis=0)

    @cached_property
    def counted_groups(self) -> int:
        """The slides that hold the tiles the metric is a statement about."""
        over = METRICS[self.metric].over
        if over in ("positives", "negatives"):
            return int(np.count_nonzero(self.shares[int(over == "negatives")]))
        return int(np.count_nonzero(self.shares.any(axis=0)))

    @cached_property
    def variance(self) -> float:
        """Of the value, the seeds given and the slides a sample."""
        return clustered_variance(self.mean_parts, self.shares, self.inflation)

    @cached_property
    def widening(self) -> float:
        """The error over that without regard to the slides' shares, as a bootstrap's spread is."""
        return widening(self.mean_parts, self.shares)

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of the variance between slides; 0 where there is none."""
        return degrees_of_freedom(self.metric, self.mean_parts, self.shares)

    @property
    def design_effect(self) -> float:
        """Variance as it is over the variance if tiles were independent; NaN where both are 0."""
        independent = tile_variance(self.tiles, self.metric, self.sample)
        seen = independent > 0 and self.df >= 1
        return self.variance / independent if seen else float("nan")


def estimate(metric: str, sample: LabelledTiles, answers: ModelPredictions, bins: int) -> Estimate:
    """Estimate one metric of one model, with everything its variance needs."""
    about, targets = METRICS[metric], sample.targets
    values, parts, shares, mean, inflations = [], [], [], np.zeros(len(targets)), []
    for run in answers.with_truth(targets, bins, sample.scores):
        shares.append(slide_shares(metric, about.held_by(run), sample))
        if about.influence is None:
            value, each = about.of(run), np.full(len(targets), np.nan)
            parts.append(slide_influences(about, value, sample, run, shares[-1]))
        else:
            value, each = about.influence(run)
            parts.append((sample.sums(each * targets), sample.sums(each * ~targets)))
        values.append(value)
        mean += each / len(answers.seeds)
        inflations.append(about.inflation(sample, run.folds) if about.inflation else 1.0)
    held = [sample.once @ about.counted(targets, calls) for calls in answers.calls]
    return Estimate(
        metric=metric,
        values=np.array(values),
        parts=np.array(parts),
        tiles=mean,
        sample=sample,
        shares=np.mean(shares, axis=0),
        counted_tiles=round(float(np.mean(held)), 6),  # thirds of a tile do not add up exactly
        inflation=float(np.mean(inflations)),
        halves=tuple(estimate(half, sample, answers, bins) for half in about.halves),
        noise=about.noise(sample, answers, bins) if about.noise else None,
    )


def clustered_variance(parts: Floats, shares: Floats, inflation: float = 1.0) -> float:
    """The variance of a metric (or of a difference) from its slides' influences.

    With a and b the influences of a slide's positive and negative tiles, and h and k its shares
    of what the metric rests on: sum (a / (1 - h) + b / (1 - k))². This is, to first order, what
    the metric changes by when the slide is left out: the jackknife.

    With I slides of one size, 1 / (1 - h) is I / (I - 1), the square of the factor in Obuchowski's
    estimator for ROC-AUC. A slide with much of the data draws the metric towards itself; without
    the factor the variance falls far short (by half where one slide holds 40% of the tiles), with
    its root, 1 / sqrt(1 - h), still by a quarter.

    Args:
        parts: (2, G) float64; differences of two models' parts give the variance of the
            difference, the pairing included.
        shares: (2, G) float64, h and k.
        inflation: what it is divided by, for a ROC-AUC within folds.

    Returns:
        The variance, at least 0. With a single slide (of a class) it cannot be estimated and is
        0 or NaN; the degrees of freedom are then 0.

    Source: Obuchowski 1997, Biometrics 53:567; the factor: Efron and Stein 1981, Annals of
    Statistics 9:586; Bell and McCaffrey 2002, Survey Methodology 28:169.
    """
    return float((left_out(parts, shares) ** 2).sum()) / inflation


def left_out(parts: Floats, shares: Floats) -> Floats:
    """(G,) what a metric changes by, to first order, when each slide is left out."""
    rest = np.where(shares < 1 - 1e-12, 1 - shares, np.nan)
    return np.divide(parts, rest, out=np.zeros_like(parts), where=parts != 0).sum(axis=0)


def widening(parts: Floats, shares: Floats) -> float:
    """The root of the variance over that without the factor; 1 where there is none."""
    plain = float((parts.sum(axis=0) ** 2).sum())
    return float(np.sqrt(clustered_variance(parts, shares) / plain)) if plain > 0 else 1.0


def whole_slides(estimate: Estimate) -> int:
    """The slides that carry a value: of the scarcer class, where the metric needs both."""
    if METRICS[estimate.metric].over == "both":
        return min(estimate.sample.positive_groups, estimate.sample.negative_groups)
    return estimate.counted_groups


def seed_component(estimate: Estimate) -> float:
    """What the choice of seeds adds to the variance of the mean over S >= 2 seeds.

    The variance between seeds on these slides also holds the seeds' interaction with the slides,
    which the variance between slides has counted already; the difference between one seed's
    variance and that of the mean over seeds tells how large it is, and it is taken off.
    """
    seeds = len(estimate.values)
    between = float(estimate.values.var(ddof=1))
    single = np.mean(
        [clustered_variance(part, estimate.shares, estimate.inflation) for part in estimate.parts]
    )
    interaction = (float(single) - estimate.variance) * seeds / (seeds - 1)
    return max(between - max(interaction, 0.0), 0.0) / seeds


def tile_variance(tiles: Floats, metric: str, sample: LabelledTiles) -> float:
    """The variance a metric would have if all tiles were independent (for ROC-AUC: DeLong's).

    Args:
        tiles: (n,) float64 influences.
        metric: a key of `METRICS`.
        sample: the tiles; the rows of one tile count as one.
    """
    targets = sample.targets
    if sample.tiles is not None:
        tiles = np.bincount(sample.tiles, weights=tiles).astype(np.float64)
        targets = np.bincount(sample.tiles, weights=targets) > 0
    if not METRICS[metric].by_class:
        return _small(len(tiles)) * float((tiles**2).sum())
    classes = (tiles[targets], tiles[~targets])
    return sum(_small(len(c)) * float((c**2).sum()) for c in classes if np.any(c))


def _small(k: int) -> float:
    """(k / (k - 1))², the factor of `clustered_variance`; NaN where it has no meaning."""
    return (k / (k - 1)) ** 2 if k > 1 else float("nan")

"""A metric's estimate: its value for each seed, and its variance between slides and seeds.

Two questions are kept apart. *These weights*: the S trained networks are given, and only the
slides are a sample; the metric is the mean over the seeds, and so is each tile's influence on
it. *This recipe*: the seeds are a sample too, and add their variance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from her2bench.evaluation.degrees import degrees_of_freedom
from her2bench.evaluation.metrics import CONDITIONAL, METRICS, counted, influence
from her2bench.evaluation.samples import Answers, Bools, Floats, Sample


@dataclass(frozen=True)
class Estimate:
    """A metric of one model on one sample.

    Args:
        metric: a key of `METRICS`.
        values: (S,) float64, one a seed.
        parts: (S, 2, G) float64, the influence of each slide's positive and negative tiles.
        tiles: (n,) float64, the influence of each tile, meant over seeds.
        sample: the tiles.
        held: (n,) bool, the tiles the metric is a statement about (for PPV: called positive) with
            any of the seeds.
        counted_tiles: how many they are, the mean over seeds.
    """

    metric: str
    values: Floats
    parts: Floats
    tiles: Floats
    sample: Sample
    held: Bools
    counted_tiles: float

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
        return int(np.count_nonzero(np.bincount(self.sample.groups[self.held])))

    @cached_property
    def variance(self) -> float:
        """Of the value, the seeds given and the slides a sample."""
        return clustered_variance(self.mean_parts, self.metric, self.sample, self.held)

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of the variance between slides; 0 where there is none."""
        return degrees_of_freedom(self.metric, self.tiles, self.sample, self.held)

    @property
    def design_effect(self) -> float:
        """Variance as it is over the variance if tiles were independent; NaN where both are 0."""
        independent = tile_variance(self.tiles, self.metric, self.sample.targets)
        seen = independent > 0 and self.df >= 1
        return self.variance / independent if seen else float("nan")


def estimate(metric: str, sample: Sample, answers: Answers, bins: int) -> Estimate:
    """Estimate one metric of one model, with everything its variance needs."""
    targets = sample.targets
    values, parts, mean = [], [], np.zeros(len(targets))
    for logits, probabilities, calls in zip(
        answers.logits, answers.probabilities, answers.calls, strict=True
    ):
        value, each = influence(metric, targets, logits, probabilities, calls, bins)
        values.append(value)
        parts.append((sample.sums(each * targets), sample.sums(each * ~targets)))
        mean += each / len(answers.seeds)
    held = [counted(metric, targets, calls) for calls in answers.calls]
    return Estimate(
        metric=metric,
        values=np.array(values),
        parts=np.array(parts),
        tiles=mean,
        sample=sample,
        held=np.logical_or.reduce(held),
        counted_tiles=float(np.mean([h.sum() for h in held])),
    )


def clustered_variance(parts: Floats, metric: str, sample: Sample, held: Bools) -> float:
    """The variance of a metric (or of a difference) from its slides' influences.

    With a and b the influences of a slide's positive and negative tiles, and h and k its shares
    of all positive and of all negative tiles: for metrics that look at each class for itself,
    sum (a / sqrt(1 - h) + b / sqrt(1 - k))²; for all others sum (a + b)² / (1 - its share of the
    tiles that count).

    For the ROC-AUC this is Obuchowski's estimator, for proportions the ratio estimator, but for
    the small-sample factor: theirs, I / (I - 1) with I slides, is what 1 / (1 - h) comes to if
    slides are of one size. If they are not, large slides are fitted more closely than small ones,
    theirs falls short (by 10 to 15% at 20 very unequal slides), and this does not.

    Args:
        parts: (2, G) float64; differences of two models' parts give the variance of the
            difference, the pairing included.
        metric: a key of `METRICS`.
        sample: the tiles.
        held: (n,) bool, the tiles the metric is a statement about.

    Returns:
        The variance, at least 0. With a single slide (of a class) it cannot be seen and comes to
        0 or NaN; the degrees of freedom are then 0.

    Source: Obuchowski 1997, Biometrics 53:567; the factor: Bell and McCaffrey 2002, Survey
    Methodology 28:169.
    """
    if METRICS[metric].over in CONDITIONAL:
        a, b = parts
        total = _inflated(a, sample.targets, sample) + _inflated(b, ~sample.targets, sample)
    else:
        total = _inflated(parts.sum(axis=0), held, sample)
    return float((total**2).sum())


def _inflated(sums: Floats, chosen: Bools, sample: Sample) -> Floats:
    """(G,) sums / sqrt(1 - the slide's share of the chosen tiles); NaN if it has them all."""
    if not sums.any():
        return sums
    tiles = sample.sums(chosen.astype(np.float64))
    room = 1 - tiles / max(tiles.sum(), 1.0)
    return sums / np.sqrt(np.where(room > 1e-12, room, np.nan))


def whole_slides(estimate: Estimate) -> int:
    """How many observations a value without a visible error rests on: slides that carry it.

    Of the scarcer class, where the metric looks at both classes for themselves.
    """
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
        [
            clustered_variance(part, estimate.metric, estimate.sample, estimate.held)
            for part in estimate.parts
        ]
    )
    interaction = (float(single) - estimate.variance) * seeds / (seeds - 1)
    return max(between - max(interaction, 0.0), 0.0) / seeds


def satterthwaite(variances: list[float], dfs: list[float]) -> float:
    """Degrees of freedom of a sum of independent variances.

    Source: Satterthwaite 1946, Biometrics Bulletin 2:110.

    >>> round(satterthwaite([1.0, 1.0], [4, 4]), 6)
    8.0
    >>> satterthwaite([1.0, 1.0], [0, 4])
    0.0
    """
    used = [(v, df) for v, df in zip(variances, dfs, strict=True) if v > 0]
    if any(df <= 0 for _, df in used):  # a class with one slide says nothing about spread
        return 0.0
    below = sum(v**2 / df for v, df in used)
    return sum(variances) ** 2 / below if below > 0 else float(min(dfs))


def tile_variance(tiles: Floats, metric: str, targets: Bools) -> float:
    """The variance a metric would have if all tiles were independent (for ROC-AUC: DeLong's).

    Args:
        tiles: (n,) float64 influences.
        metric: a key of `METRICS`.
        targets: (n,) bool.
    """
    if METRICS[metric].over not in CONDITIONAL:
        return _small(len(tiles)) * float((tiles**2).sum())
    classes = (tiles[targets], tiles[~targets])
    return sum(_small(len(c)) * float((c**2).sum()) for c in classes if np.any(c))


def _small(k: int) -> float:
    """k / (k - 1), the small-sample factor; NaN where it has no meaning."""
    return k / (k - 1) if k > 1 else float("nan")

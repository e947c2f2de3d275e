"""A metric's estimate: its value for each seed, and its variance between slides and seeds.

Two questions are kept apart. *These weights*: the S trained networks are given, and only the
slides are a sample; the metric is the mean over the seeds, and so is each tile's influence on
it. *This recipe*: the seeds are a sample too, and add their variance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from her2bench.evaluation.degrees import degrees_of_freedom
from her2bench.evaluation.metrics import METRICS, counted, influence
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
        counted_tiles: the tiles the metric is a statement about (for PPV: called positive), the
            mean over seeds.
        counted_groups: the slides that hold them.
    """

    metric: str
    values: Floats
    parts: Floats
    tiles: Floats
    sample: Sample
    counted_tiles: float
    counted_groups: int

    @cached_property
    def value(self) -> float:
        """The mean over seeds; NaN if undefined for any of them."""
        return float(self.values.mean())

    @cached_property
    def mean_parts(self) -> Floats:
        """(2, G) float64, the influences averaged over seeds."""
        return self.parts.mean(axis=0)

    @cached_property
    def variance(self) -> float:
        """Of the value, the seeds given and the slides a sample."""
        return clustered_variance(self.mean_parts, self.metric, self.sample, self.counted_groups)

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of the variance between slides; 0 where there is none."""
        return degrees_of_freedom(self.metric, self.tiles, self.sample)

    @property
    def design_effect(self) -> float:
        """Variance as it is over the variance if tiles were independent; NaN where both are 0."""
        independent = tile_variance(self.tiles, self.metric, self.sample.targets)
        return self.variance / independent if independent > 0 else float("nan")


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
        counted_tiles=float(np.mean([h.sum() for h in held])),
        counted_groups=len(np.unique(sample.groups[np.logical_or.reduce(held)])),
    )


def clustered_variance(parts: Floats, metric: str, sample: Sample, counted_groups: int) -> float:
    """The variance of a metric (or of a difference) from its slides' influences.

    With a and b the influences of a slide's positive and negative tiles, and f(k) = k / (k - 1):
    for metrics that look at each class for itself, f(I10) sum a² + f(I01) sum b² + 2 f(I) sum ab,
    where I10, I01 and I count slides with positive tiles, with negative tiles, and all; this is
    Obuchowski's estimator for the ROC-AUC and the ratio estimator for sensitivity. For all other
    metrics, f(k) sum (a + b)² over the k slides that carry the metric.

    Args:
        parts: (2, G) float64; differences of two models' parts give the variance of the
            difference, the pairing included.
        metric: a key of `METRICS`.
        sample: the tiles.
        counted_groups: k, the slides that carry the metric.

    Returns:
        The variance, at least 0; NaN with a single slide, of a class or at all.

    Source: Obuchowski 1997, Biometrics 53:567.
    """
    a, b = parts
    over = METRICS[metric].over
    if over not in ("both", "positives", "negatives"):
        return _small(counted_groups) * float(((a + b) ** 2).sum())
    total = 0.0
    if over != "negatives":
        total += _small(sample.positive_groups) * float((a**2).sum())
    if over != "positives":
        total += _small(sample.negative_groups) * float((b**2).sum())
    if over == "both":
        total += 2 * _small(sample.n_groups) * float((a * b).sum())
    return max(total, 0.0) if np.isfinite(total) else float("nan")


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
            clustered_variance(part, estimate.metric, estimate.sample, estimate.counted_groups)
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
    """
    below = sum(v**2 / df for v, df in zip(variances, dfs, strict=True) if v > 0)
    return sum(variances) ** 2 / below if below > 0 else float(min(dfs))


def tile_variance(tiles: Floats, metric: str, targets: Bools) -> float:
    """The variance a metric would have if all tiles were independent (for ROC-AUC: DeLong's).

    Args:
        tiles: (n,) float64 influences.
        metric: a key of `METRICS`.
        targets: (n,) bool.
    """
    if METRICS[metric].over not in ("both", "positives", "negatives"):
        return _small(len(tiles)) * float((tiles**2).sum())
    classes = (tiles[targets], tiles[~targets])
    return sum(_small(len(c)) * float((c**2).sum()) for c in classes if np.any(c))


def _small(k: int) -> float:
    """k / (k - 1), the small-sample factor; NaN where it has no meaning."""
    return k / (k - 1) if k > 1 else float("nan")

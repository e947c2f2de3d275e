"""How good the probabilities are: Brier score, log loss, calibration error."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
    SeedPredictions,
)

DRAWS = 4000


def sigmoid(logits: Floats) -> Floats:
    """Logits to probabilities, without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.exp(-np.logaddexp(0.0, -logits))


def brier_terms(probabilities: Floats, targets: Bools) -> Floats:
    """Each tile's squared distance from the truth; their mean is the Brier score. (n,), 0 to 1."""
    return (probabilities - targets) ** 2


def log_loss_terms(probabilities: Floats, targets: Bools) -> Floats:
    """Each tile's negative log-likelihood in nats; their mean is the log loss. (n,), >= 0.

    Probabilities are kept 2.2e-16 away from 0 and 1, as scikit-learn does, so that one sure and
    wrong answer costs 36 nats and not infinity.
    """
    tiny = np.finfo(np.float64).eps
    sure = np.clip(probabilities, tiny, 1 - tiny)
    return -np.where(targets, np.log(sure), np.log1p(-sure))


@dataclass(frozen=True)
class MeanMetric:
    """A metric that is a mean over tiles.

    Args:
        terms: of one seed's predictions: (n,), what is averaged.
    """

    terms: Callable[[SeedPredictions], Floats]

    def influence(self, run: SeedPredictions) -> tuple[float, Floats]:
        """The value, and each tile's influence on it: (n,)."""
        terms = self.terms(run)
        value = float(terms.mean())
        return value, (terms - value) / len(terms)

    def resampling(self, sample: LabelledTiles, run: SeedPredictions) -> Callable[[Floats], Floats]:
        """The value as a function of (b, G) weights of the slides: (b,)."""
        sums = sample.sums(self.terms(run))
        tiles = sample.sums(np.ones(len(run.targets)))
        return lambda weights: weights @ sums / (weights @ tiles)


BRIER = MeanMetric(lambda run: brier_terms(run.probabilities, run.targets))
LOG_LOSS = MeanMetric(lambda run: log_loss_terms(run.probabilities, run.targets))


def equal_mass_bins(probabilities: Floats, bins: int) -> Ints:
    """Each tile's bin, when tiles are cut by probability into bins of as equal number as can be.

    Tiles of equal probability share a bin, so that the order of rows does not matter; a constant
    model therefore has one bin.

    Args:
        probabilities: (n,) float, 0 to 1.
        bins: at most so many.

    Returns:
        (n,) int64, codes from 0 upward.

    >>> equal_mass_bins(np.array([0.1, 0.9, 0.2, 0.8]), 2)
    array([0, 1, 0, 1])
    """
    ordered = np.sort(probabilities)
    n = len(ordered)
    starts = np.unique((np.arange(1, bins) * n) // bins)
    edges = np.unique(ordered[starts])
    edges = edges[edges > ordered[0]]
    return np.searchsorted(edges, probabilities, side="right").astype(np.int64)


def calibration_error_influence(run: SeedPredictions) -> tuple[float, Floats]:
    """Expected calibration error over equal-mass bins, and each tile's influence on it.

    The share of tiles in a bin times |mean probability - share of positives|, summed over bins.
    The influence takes the bins' edges as given.

    Returns:
        The error (0 to 1) and (n,) influences, which sum to zero.

    Source: Nixon et al. 2019, "Measuring calibration in deep learning" (adaptive bins).
    """
    excess = run.targets - run.probabilities
    where = equal_mass_bins(run.probabilities, run.bins)
    sums = np.bincount(where, weights=excess)
    error = float(np.abs(sums).sum()) / len(excess)
    return error, (np.sign(sums)[where] * excess - error) / len(excess)


def calibration_error_resampling(
    sample: LabelledTiles, run: SeedPredictions
) -> Callable[[Floats], Floats]:
    """The error as a function of (b, G) weights of the slides: (b,); its bins stay the data's."""
    where = equal_mass_bins(run.probabilities, run.bins)
    excess = _by_slide_and_bin(sample, where, run.targets - run.probabilities)
    tiles = sample.sums(np.ones(len(where)))
    return lambda weights: np.abs(weights @ excess).sum(1) / (weights @ tiles)


def _by_slide_and_bin(sample: LabelledTiles, where: Ints, values: Floats) -> Floats:
    """(n,) values summed within each slide and bin: (G, K)."""
    k = int(where.max()) + 1
    cell = sample.groups * k + where
    sums = np.bincount(cell, weights=values, minlength=k * sample.n_groups)
    return sums.astype(np.float64, copy=False).reshape(sample.n_groups, k)


def bin_noise(sample: LabelledTiles, answers: ModelPredictions, bins: int) -> Floats:
    """How much the bins of the calibration error vary from one set of slides to the next.

    Args:
        sample: the tiles.
        answers: the model's, of S seeds.
        bins: K at most.

    Returns:
        (S * K, S * K) float64, the covariance between slides of what each seed's bins hold in
        excess (positive tiles less the sum of probabilities, over all tiles).
    """
    n = len(sample.targets)
    share = sample.sums(np.ones(n))[:, None] / n
    columns = []
    for probabilities in answers.probabilities:
        excess = (sample.targets - probabilities) / n
        sums = _by_slide_and_bin(sample, equal_mass_bins(probabilities, bins), excess)
        columns.append(sums - share * sums.sum(axis=0))
    by_slide = np.hstack(columns) / np.maximum(1 - share, 1e-12)
    return by_slide.T @ by_slide


def noise_quantile(noise: Floats, seeds: int, df: float, level: float) -> float:
    """The calibration error that a perfectly calibrated model stays below, from noise alone.

    Args:
        noise: as `bin_noise` gives it.
        seeds: S.
        df: degrees of freedom of the variance between slides.
        level: 0.975 for the lower end of a 95% interval.
    """
    rng = np.random.default_rng(0)  # the same draws each time, so that results can be repeated
    values, vectors = np.linalg.eigh(noise)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = rng.standard_normal((DRAWS, len(noise))) @ root.T
    errors = np.abs(normal).sum(axis=1) / seeds / np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(errors, level))

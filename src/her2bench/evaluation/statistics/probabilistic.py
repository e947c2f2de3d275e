"""How good the probabilities are: Brier score, log loss, calibration error."""

import numpy as np

from her2bench.evaluation.statistics.arrays import Answers, Bools, Floats, Ints, Sample

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


def calibration_error_influence(
    probabilities: Floats, targets: Bools, bins: int
) -> tuple[float, Floats]:
    """Expected calibration error over equal-mass bins, and each tile's influence on it.

    The share of tiles in a bin times |mean probability - share of positives|, summed over bins.
    The influence takes the bins' edges as given.

    Args:
        probabilities: (n,) float, 0 to 1.
        targets: (n,) bool.
        bins: how many bins.

    Returns:
        The error (0 to 1) and (n,) influences, which sum to zero.

    Source: Nixon et al. 2019, "Measuring calibration in deep learning" (adaptive bins).
    """
    excess = targets - probabilities
    where = equal_mass_bins(probabilities, bins)
    sums = np.bincount(where, weights=excess)
    error = float(np.abs(sums).sum()) / len(targets)
    return error, (np.sign(sums)[where] * excess - error) / len(targets)


def bin_noise(sample: Sample, answers: Answers, bins: int) -> Floats:
    """How much the bins of the calibration error vary from one set of slides to the next.

    Args:
        sample: the tiles.
        answers: the model's, of S seeds.
        bins: K at most.

    Returns:
        (S * K, S * K) float64, the covariance between slides of what each seed's bins hold in
        excess (positive tiles less the sum of probabilities, over all tiles).
    """
    groups, size = sample.groups, sample.n_groups
    share = sample.sums(np.ones(len(groups)))[:, None] / len(groups)
    columns = []
    for probabilities in answers.probabilities:
        where = equal_mass_bins(probabilities, bins)
        k = int(where.max()) + 1
        excess = (sample.targets - probabilities) / len(groups)
        sums = np.bincount(groups * k + where, weights=excess, minlength=k * size).reshape(size, k)
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

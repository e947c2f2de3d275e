"""Logistic fits of the truth on the logit: intercept, slope, temperature and Platt scaling."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from her2bench.evaluation.statistics.arrays import Bools, Floats

MANY = 20_000  # tiles, from which on a tenth of them is fitted first
SUREST = 36.0  # logits further out are cut here: a probability of exactly 0 is -744


@dataclass(frozen=True)
class Scaling:
    """logit → slope x logit + intercept. Temperature scaling is slope 1 / T, intercept 0."""

    slope: float
    intercept: float

    def probabilities(self, logits: Floats) -> Floats:
        """(n,) float64, 0 to 1."""
        return special.expit(self.logits(logits))

    def logits(self, logits: Floats) -> Floats:
        """(n,) float64: the scaled logits."""
        return self.slope * np.clip(logits, -SUREST, SUREST) + self.intercept


UNSCALED = Scaling(1.0, 0.0)


def fit_temperature(logits: Floats, targets: Bools) -> Scaling:
    """The one slope, from 1/100 to 100, that makes the log loss least.

    Args:
        logits: (n,) float64 of validation tiles.
        targets: (n,) bool.

    Source: Guo et al. 2017, ICML ("On calibration of modern neural networks").
    """

    logits = np.clip(logits, -SUREST, SUREST)

    def loss(log_slope: float) -> float:
        return log_loss(np.exp(log_slope) * logits, targets.astype(np.float64))

    limit = np.log(100.0)
    found = optimize.minimize_scalar(loss, bounds=(-limit, limit), method="bounded")
    return Scaling(float(np.exp(found.x)), 0.0)


def fit_platt(logits: Floats, targets: Bools) -> Scaling:
    """Slope and intercept by logistic regression, towards Platt's smoothed targets.

    The smoothing (N+ + 1) / (N+ + 2) and 1 / (N- + 2) keeps the slope finite where the classes
    are parted perfectly.

    Args:
        logits: (n,) float64 of validation tiles.
        targets: (n,) bool.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """
    logits = np.clip(logits, -SUREST, SUREST)
    positives = int(targets.sum())
    negatives = len(targets) - positives
    aims = np.where(targets, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    unit = (logits - centre) / scale

    def loss(x: Floats) -> tuple[float, Floats]:
        z = x[0] * unit + x[1]
        excess = (special.expit(z) - aims) / len(aims)
        return log_loss(z, aims), np.array([excess @ unit, excess.sum()])

    start = np.array([scale, centre]) if scale < 100 else np.array([1.0, 0.0])
    found = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    slope = float(found.x[0]) / scale
    return Scaling(slope, float(found.x[1]) - slope * centre)


def log_loss(z: Floats, aims: Floats) -> float:
    """The mean log loss of (n,) logits towards (n,) aims, 0 to 1."""
    return float(np.mean(np.logaddexp(0, z) - aims * z))


def fit_intercept(logits: Floats, targets: Bools) -> tuple[float, Floats]:
    """The shift of (n,) logits that makes the mean probability the share of positive tiles.

    Returns:
        The shift and each tile's influence on it; NaN if all tiles are of one class.
    """
    if targets.all() or not targets.any():
        return float("nan"), np.full(len(targets), np.nan)
    return _newton(np.ones((len(logits), 1)), logits, targets)


def fit_slope(logits: Floats, targets: Bools) -> tuple[float, Floats]:
    """The factor of (n,) logits, beside a shift, that makes the truth most likely.

    Returns:
        The slope and each tile's influence on it; NaN where no finite one is best, as the classes
        are parted, or all logits are equal.
    """
    positive, negative = logits[targets], logits[~targets]
    if not len(positive) or not len(negative) or np.ptp(logits) == 0:
        return float("nan"), np.full(len(targets), np.nan)
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        return float("nan"), np.full(len(targets), np.nan)
    centre, scale = logits.mean(), logits.std()
    columns = np.stack([(logits - centre) / scale, np.ones(len(logits))], axis=1)
    slope, influence = _newton(columns, np.zeros(len(logits)), targets)
    return slope / scale, influence / scale


def _newton(columns: Floats, offset: Floats, targets: Bools) -> tuple[float, Floats]:
    """Logistic regression: the first coefficient and each tile's influence on it."""
    beta = _fitted(columns, offset, targets)
    excess, inverse = _slopes(columns, columns @ beta + offset, targets)
    return float(beta[0]), (columns @ inverse[0]) * excess


def _fitted(columns: Floats, offset: Floats, targets: Bools) -> Floats:
    """The coefficients: by Newton's method from 0, or from every tenth of many tiles if nearer."""
    beta, step = np.zeros(columns.shape[1]), np.full(columns.shape[1], np.inf)
    loss = _loss(offset, targets)
    if len(targets) > MANY:
        start = _fitted(columns[::10], offset[::10], targets[::10])
        nearer = _loss(columns @ start + offset, targets)
        beta, loss = (start, nearer) if nearer < loss else (beta, loss)
    for _ in range(100):
        if np.abs(step).max() < 1e-7:  # the error left is its square
            break
        excess, inverse = _slopes(columns, columns @ beta + offset, targets)
        step = inverse @ (columns.T @ excess)
        while (after := _loss(columns @ (beta + step) + offset, targets)) > loss * (1 + 1e-12):
            step = step / 2
        beta, loss = beta + step, after
    return beta


def _slopes(columns: Floats, z: Floats, targets: Bools) -> tuple[Floats, Floats]:
    """The truth less the probabilities, and the inverse of the information."""
    mu = special.expit(z)
    information = (columns * (mu * (1 - mu))[:, None]).T @ columns
    return targets - mu, np.linalg.pinv(information)


def _loss(z: Floats, targets: Bools) -> float:
    return float((np.logaddexp(0, z) - targets * z).sum())

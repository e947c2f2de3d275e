"""Calibration intercept and slope: the logistic regression of the truth on the logit.

A perfectly calibrated model has intercept 0 and slope 1. An intercept above 0: probabilities are
too low on the whole. A slope below 1: they are too extreme, too far from one half.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from her2bench.evaluation.degrees import degrees_of_freedom, slide_shares
from her2bench.evaluation.estimates import clustered_variance
from her2bench.evaluation.intervals import NONE, Interval, linear_t
from her2bench.evaluation.recalibration import SUREST
from her2bench.evaluation.row_intervals import LEAST_SLIDES
from her2bench.evaluation.samples import Answers, Bools, Floats, Sample

LINE = {"calibration_intercept": "calibration intercept", "calibration_slope": "calibration slope"}
MANY = 20_000  # tiles, from which on a tenth of them is fitted first


@dataclass(frozen=True)
class Coefficient:
    """An intercept or slope averaged over seeds; NaN where undefined."""

    values: Floats
    interval: Interval
    method: str

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())


def calibration_line(sample: Sample, answers: Answers, confidence: float) -> dict[str, Coefficient]:
    """Both coefficients with cluster-robust intervals.

    The intercept is fitted with the slope held at 1 (calibration in the large), the slope with an
    intercept of its own.

    Returns:
        A coefficient for each key of `LINE`.

    Source: Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230.
    """
    logits = np.clip(special.logit(answers.probabilities), -SUREST, SUREST)
    found = {}
    for name, fit in zip(LINE, (fit_intercept, fit_slope), strict=True):
        each = [fit(z, sample.targets) for z in logits]
        values = np.array([value for value, _ in each])
        influence = np.mean([influence for _, influence in each], axis=0)
        found[name] = Coefficient(values, *_interval(values, influence, sample, confidence))
    return found


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


def _interval(
    values: Floats, influence: Floats, sample: Sample, confidence: float
) -> tuple[Interval, str]:
    """Student's interval; the slides of the scarcer class decide, as for ROC-AUC."""
    unit = "clustered by slide" if sample.known else "tiles as independent"
    if np.isnan(values).any():
        return NONE, "undefined"
    if min(sample.positive_groups, sample.negative_groups) < LEAST_SLIDES:
        return NONE, f"no interval: fewer than {LEAST_SLIDES} slides"
    parts = np.array([sample.sums(influence * sample.targets)])
    parts = np.vstack([parts, sample.sums(influence * ~sample.targets)])
    shares = slide_shares("roc_auc", np.ones(len(influence)), sample)
    variance, df = clustered_variance(parts, shares), degrees_of_freedom("roc_auc", parts, shares)
    interval = linear_t(float(values.mean()), variance, df, confidence, -np.inf, np.inf)
    return interval, f"logistic regression, sandwich t, {unit}"

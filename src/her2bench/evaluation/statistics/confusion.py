"""Metrics of a confusion table: values and gradients, for one table or for thousands at once."""

from collections.abc import Callable

import numpy as np

from her2bench.evaluation.statistics.arrays import Bools, Floats, Ints

# Cells stand in this order everywhere: true positive, false positive, false negative, true
# negative. Every metric here is a ratio that does not change when all counts are doubled, so a
# tile's influence on it is simply the gradient at the tile's cell (Euler's theorem makes these
# sum to zero).
TP, FP, FN, TN = range(4)


def cells(targets: Bools, calls: Bools) -> Ints:
    """Each tile's cell of the confusion table, 0 TP, 1 FP, 2 FN, 3 TN: (n,) int64.

    >>> cells(np.array([True, False, True, False]), np.array([True, True, False, False]))
    array([0, 1, 2, 3])
    """
    return 2 * (~calls).astype(np.int64) + ~targets


def _ratio(above: Floats, below: Floats) -> Floats:
    """above / below, NaN (undefined, not 0) where below is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)


def accuracy(c: Floats) -> Floats:
    """The share of tiles called rightly."""
    return _ratio(c[..., TP] + c[..., TN], c.sum(-1))


def sensitivity(c: Floats) -> Floats:
    """Recall: the share of positive tiles called positive."""
    return _ratio(c[..., TP], c[..., TP] + c[..., FN])


def specificity(c: Floats) -> Floats:
    """The share of negative tiles called negative."""
    return _ratio(c[..., TN], c[..., TN] + c[..., FP])


def balanced_accuracy(c: Floats) -> Floats:
    """The mean of sensitivity and specificity; undefined with one class only."""
    return (sensitivity(c) + specificity(c)) / 2


def ppv(c: Floats) -> Floats:
    """Precision: the share of positive calls that are right; undefined without such calls."""
    return _ratio(c[..., TP], c[..., TP] + c[..., FP])


def npv(c: Floats) -> Floats:
    """The share of negative calls that are right; undefined without such calls."""
    return _ratio(c[..., TN], c[..., TN] + c[..., FN])


def f1(c: Floats) -> Floats:
    """Harmonic mean of PPV and sensitivity; undefined with no positive tile and no such call."""
    return _ratio(2 * c[..., TP], 2 * c[..., TP] + c[..., FP] + c[..., FN])


def mcc(c: Floats) -> Floats:
    """Matthews correlation of call and truth, -1 to 1; undefined if either is constant."""
    tp, fp, fn, tn = (c[..., k].astype(np.float64) for k in range(4))
    return _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def kappa(c: Floats) -> Floats:
    """Cohen's kappa of call and truth; undefined if both are constant and equal."""
    tp, fp, fn, tn = (c[..., k].astype(np.float64) for k in range(4))
    return _ratio(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


COUNT_METRICS: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "ppv": ppv,
    "npv": npv,
    "f1": f1,
    "mcc": mcc,
    "kappa": kappa,
}


def gradient(metric: str, c: Floats) -> Floats:
    """How a metric moves with each count of one confusion table.

    Args:
        metric: a key of `COUNT_METRICS`.
        c: (4,) float64 counts.

    Returns:
        (4,) float64, NaN where the metric is undefined.
    """
    value = COUNT_METRICS[metric](c)
    if np.isnan(value):
        return np.full(4, np.nan)
    tp, fp, fn, tn = c
    match metric:
        case "balanced_accuracy":
            return (gradient("sensitivity", c) + gradient("specificity", c)) / 2
        case "mcc":
            return _mcc_gradient(c, float(value))
        case "kappa":
            below = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
            n = c.sum()
            slope = np.array([n - tp + tn, n + fp - fn, n + fn - fp, n - tn + tp])
            return (2 * np.array([tn, -fn, -fp, tp]) - value * slope) / below
    above, below = _PARTS[metric]
    return (np.array(above) - value * np.array(below)) / (np.array(below) @ c)


def _mcc_gradient(c: Floats, value: float) -> Floats:
    tp, fp, fn, tn = c
    called, not_called, positive, negative = tp + fp, fn + tn, tp + fn, fp + tn
    root = np.sqrt(called * positive * negative * not_called)
    log_slope = np.array(
        [
            1 / called + 1 / positive,
            1 / called + 1 / negative,
            1 / not_called + 1 / positive,
            1 / not_called + 1 / negative,
        ]
    )
    return np.array([tn, -fn, -fp, tp]) / root - value * log_slope / 2


# Numerator and denominator as weights of TP, FP, FN, TN.
_PARTS = {
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "sensitivity": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "specificity": ((0, 0, 0, 1), (0, 1, 0, 1)),
    "ppv": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "npv": ((0, 0, 0, 1), (0, 0, 1, 1)),
    "f1": ((2, 0, 0, 0), (2, 1, 1, 0)),
}

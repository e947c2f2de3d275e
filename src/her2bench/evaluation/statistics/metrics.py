"""The fourteen metrics: what each is called, its range, and how it is computed from one run."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from her2bench.evaluation.statistics.arrays import Bools, Floats, Ints
from her2bench.evaluation.statistics.confusion import COUNT_METRICS, cells, gradient
from her2bench.evaluation.statistics.precision_recall import average_precision_influence
from her2bench.evaluation.statistics.probabilistic import (
    brier_terms,
    calibration_error_influence,
    log_loss_terms,
)
from her2bench.evaluation.statistics.roc import auc_influence, pair_weights

Over = Literal["all", "positives", "negatives", "both", "called", "not called"]
CONDITIONAL = ("both", "positives", "negatives")  # each class for itself


@dataclass(frozen=True)
class Metric:
    """What there is to know about a metric besides its formula.

    Args:
        name: as in `scores.json`.
        label: as in a text.
        over: the tiles it is a statement about. "positives" and "negatives": that class alone;
            "both": undefined or of no use without either class, so that the scarcer one's slides
            decide how sure it is; "all": a mean over all tiles.
        interval: how its interval is made.
        least, most: its range.
        higher_is_better: False for errors.
    """

    name: str
    label: str
    over: Over
    interval: Literal["obuchowski", "proportion", "bootstrap"]
    least: float = 0.0
    most: float = 1.0
    higher_is_better: bool = True


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC-AUC", "both", "obuchowski"),
        Metric("average_precision", "average precision", "both", "bootstrap"),
        Metric("brier", "Brier score", "all", "bootstrap", higher_is_better=False),
        Metric("log_loss", "log loss", "all", "bootstrap", most=np.inf, higher_is_better=False),
        Metric(
            "calibration_error", "calibration error", "all", "bootstrap", higher_is_better=False
        ),
        Metric("accuracy", "accuracy", "all", "proportion"),
        Metric("balanced_accuracy", "balanced accuracy", "both", "bootstrap"),
        Metric("sensitivity", "sensitivity", "positives", "proportion"),
        Metric("specificity", "specificity", "negatives", "proportion"),
        Metric("ppv", "PPV", "called", "proportion"),
        Metric("npv", "NPV", "not called", "proportion"),
        Metric("f1", "F1", "both", "bootstrap"),
        Metric("mcc", "Matthews correlation", "both", "bootstrap", least=-1.0),
        Metric("kappa", "Cohen's kappa", "both", "bootstrap", least=-1.0),
    )
}


def influence(
    metric: str,
    targets: Bools,
    logits: Floats,
    probabilities: Floats,
    calls: Bools,
    bins: int,
    folds: Ints | None = None,
) -> tuple[float, Floats]:
    """A metric's value for one run and each tile's influence on it.

    The influence is the derivative of the metric by the tile's weight (infinitesimal jackknife;
    for ROC-AUC the structural components of DeLong): the metric on other tiles differs from this
    one, to first order, by the sum of such terms. Sums over slides of it give the variance.

    Args:
        metric: a key of `METRICS`.
        targets: (n,) bool.
        logits: (n,) float64.
        probabilities: (n,) float64, 0 to 1.
        calls: (n,) bool.
        bins: of the calibration error.
        folds: (n,) int64, whose network each tile was judged by: within them tiles are ranked.

    Returns:
        The value, NaN where undefined, and (n,) float64 influences.
    """
    if metric == "roc_auc":
        return auc_influence(logits, targets, folds)
    if metric == "average_precision":
        return average_precision_influence(logits, targets, folds)
    if metric == "calibration_error":
        return calibration_error_influence(probabilities, targets, bins)
    if metric in ("brier", "log_loss"):
        terms = (brier_terms if metric == "brier" else log_loss_terms)(probabilities, targets)
        value = float(terms.mean())
        return value, (terms - value) / len(terms)
    cell = cells(targets, calls)
    counts = np.bincount(cell, minlength=4).astype(np.float64)
    return float(COUNT_METRICS[metric](counts)), gradient(metric, counts)[cell]


def masses(metric: str, targets: Bools, calls: Bools, folds: Ints | None = None) -> Floats:
    """How much of a metric rests on each tile: (n,) float64, to be compared within the metric."""
    if metric == "roc_auc":
        return pair_weights(targets, folds)
    return counted(metric, targets, calls).astype(np.float64)


def counted(metric: str, targets: Bools, calls: Bools) -> Bools:
    """The tiles a metric is a statement about: (n,) bool."""
    match METRICS[metric].over:
        case "positives":
            return targets
        case "negatives":
            return ~targets
        case "called":
            return calls
        case "not called":
            return ~calls
    return np.ones(len(targets), dtype=bool)

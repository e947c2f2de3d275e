"""The metrics by name, binary and ordinal; `METRICS` is the registry."""

import re

import numpy as np

from her2bench.core.errors import UserError, nearest
from her2bench.evaluation.statistics import confusion, ordinal, probabilistic, ranking
from her2bench.evaluation.statistics.metric import Kind, Metric, Over
from her2bench.evaluation.statistics.metric import Resampled as Resampled

METRICS: dict[str, Metric] = {}


def register_metric(metric: Metric) -> Metric:
    """Add a metric to all scores, comparisons and reports made from now on.

    Raises:
        UserError: the name is in use or no name, or there is nothing to compute the metric by.
    """
    where = f"metric {metric.name!r}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", metric.name):
        expected = "lower-case letters, digits and underscores, a letter first"
        raise UserError(where, found="not a name for a metric", expected=expected)
    if metric.name in METRICS:
        raise UserError(where, found="registered already", hint="give it another name")
    if metric.value is None and metric.influence is None:
        raise UserError(where, found="nothing to compute it by", expected="value or influence")
    METRICS[metric.name] = metric
    return metric


def registered(name: str) -> str:
    """The name of a metric, as it is.

    Raises:
        ValueError: there is no such metric; with the one most like it.
    """
    if name not in METRICS:
        hint = nearest(name, METRICS)
        names = ", ".join(METRICS)
        raise ValueError(f"no such metric; {f'{hint} ' if hint else ''}expected one of {names}")
    return name


def names_of(kind: Kind) -> tuple[str, ...]:
    """The registered metrics of one kind."""
    return tuple(name for name, metric in METRICS.items() if metric.kind == kind)


def _of_calls(
    name: str, label: str, counts: confusion.CountMetric, over: Over, **others: object
) -> None:
    """Register a metric of the confusion table."""
    parts = {"interval": "bootstrap" if over == "both" else "proportion"} | others
    register_metric(
        Metric(
            name,
            label,
            over=over,
            sees="calls",
            influence=counts.influence,
            resampling=counts.resampling,
            contributions=counts.contributions,
            **parts,  # type: ignore[arg-type]
        )
    )


def _of_probabilities(name: str, label: str, mean: probabilistic.MeanMetric, most: float) -> None:
    """Register an error that is a mean over tiles."""
    register_metric(
        Metric(
            name,
            label,
            sees="probabilities",
            most=most,
            higher_is_better=False,
            influence=mean.influence,
            resampling=mean.resampling,
        )
    )


register_metric(
    Metric(
        "roc_auc",
        "ROC-AUC",
        over="both",
        sees="ranks",
        interval="obuchowski",
        influence=ranking.auc_influence,
        masses=ranking.run_pair_weights,
        inflation=ranking.fold_inflation,
    )
)
register_metric(
    Metric(
        "average_precision",
        "average precision",
        over="both",
        sees="ranks",
        influence=ranking.average_precision_influence,
        resampling=ranking.average_precision_resampling,
    )
)
_of_probabilities("brier", "Brier score", probabilistic.BRIER, most=1.0)
_of_probabilities("log_loss", "log loss", probabilistic.LOG_LOSS, most=np.inf)
register_metric(
    Metric(
        "calibration_error",
        "calibration error",
        sees="probabilities",
        higher_is_better=False,
        influence=probabilistic.calibration_error_influence,
        resampling=probabilistic.calibration_error_resampling,
        noise=probabilistic.bin_noise,
    )
)
_of_calls("accuracy", "accuracy", confusion.ACCURACY, "all")
_of_calls(
    "balanced_accuracy",
    "balanced accuracy",
    confusion.BALANCED_ACCURACY,
    "both",
    halves=("sensitivity", "specificity"),
)
_of_calls(
    "sensitivity",
    "sensitivity",
    confusion.SENSITIVITY,
    "positives",
    title="Sensitivity (recall)",
)
_of_calls("specificity", "specificity", confusion.SPECIFICITY, "negatives")
_of_calls("ppv", "PPV", confusion.PPV, "called", title="PPV (precision)")
_of_calls("npv", "NPV", confusion.NPV, "not called")
_of_calls("f1", "F1", confusion.F1, "both")
_of_calls("mcc", "Matthews correlation", confusion.MCC, "both", least=-1.0)
_of_calls("kappa", "Cohen's kappa", confusion.KAPPA, "both", least=-1.0)
for _metric in ordinal.ORDINAL:
    register_metric(_metric)
OWN = tuple(METRICS)  # all others are registered from outside

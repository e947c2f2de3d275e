"""What a random tile split would have flattered, where `compare --optimism` measured it."""

from dataclasses import replace

from her2bench.core.scores import Optimism
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.inputs import ReportInputs

SHOWN = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity", "accuracy")


def optimism(material: ReportInputs) -> list[Optimism]:
    """The main metrics, named for people; none if it was not asked for."""
    return [
        replace(row, model=model_label(row.model), metric=METRICS[row.metric].title)
        for row in material.scores.optimism
        if row.metric in SHOWN and row.model not in ("always_positive", "ceiling")
    ]

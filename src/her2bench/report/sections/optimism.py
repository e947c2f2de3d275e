"""Optimism of a random tile split, where `compare --optimism` measured it."""

from dataclasses import replace

from her2bench.core.scores import Optimism
from her2bench.core.vocabulary import CONSTANT, model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.inputs import ReportInputs

SHOWN = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity", "accuracy")


def optimism(material: ReportInputs) -> list[Optimism]:
    """The main metrics with their labels; empty without `--optimism`."""
    return [
        replace(row, model=model_label(row.model), metric=METRICS[row.metric].title)
        for row in material.scores.optimism
        if row.metric in SHOWN and row.model not in (*CONSTANT, "ceiling")
    ]

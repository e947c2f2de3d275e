"""What a random tile split would have flattered, where `compare --optimism` measured it."""

from dataclasses import dataclass

from her2bench.core.vocabulary import model_label
from her2bench.report.inputs import Material
from her2bench.report.labels import METRICS

SHOWN = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity", "accuracy")


@dataclass(frozen=True)
class Flattery:
    """A metric of a model: with whole slides held out, with random tiles, and the difference."""

    model: str
    metric: str
    value: float
    random_tiles: float
    flattered_by: float


def flattery(material: Material) -> list[Flattery]:
    """The rows of scores.json's `optimism` for the main metrics; none if it was not asked for."""
    rows = material.scores.get("optimism") or []
    return [
        Flattery(
            model_label(row["model"]),
            METRICS[row["metric"]],
            row["value"],
            row["random_tiles"],
            row["flattered_by"],
        )
        for row in rows
        if row["metric"] in SHOWN and row["model"] not in ("always_positive", "ceiling")
    ]

"""What was fitted on validation tiles to make the networks' probabilities honest."""

from typing import Any

from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.scoring.recalibration import usable_scaling
from her2bench.evaluation.scoring.stored import stored_scores

Scalings = dict[tuple[str, int, int], tuple[float, float]]


def scalings_of(folder: ComparisonFolder) -> Scalings:
    """Slope and intercept of each run by model, seed and fold, as scores.json holds them.

    All runs of a model are scaled by the same method, that of `usable_scaling`; a model without
    one is left out.

    Raises:
        UserError: scores.json cannot be read.
    """
    by_model: dict[str, list[dict[str, Any]]] = {}
    for entry in _calibration(folder):
        by_model.setdefault(entry["model"], []).append(entry)
    found: Scalings = {}
    for model, entries in by_model.items():
        chosen = usable_scaling(entries)
        for run in chosen["runs"] if chosen else []:
            found[model, run["seed"], run["fold"]] = run["slope"], run["intercept"]
    return found


def _calibration(folder: ComparisonFolder) -> list[dict[str, Any]]:
    if not folder.scores.is_file():
        return []
    folder.check(folder.scores)
    return stored_scores(folder.scores.read_bytes(), folder.scores)["calibration"]

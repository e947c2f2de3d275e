"""What was fitted on validation tiles to make the networks' probabilities honest."""

from typing import Any

from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.scoring.stored import stored_scores

METHODS = ("platt", "temperature")
"""The first that can be used. Platt first, as in the report: a recipe that weighs the positive
class shifts every logit, and no temperature can undo a shift."""

_MOST = 1e6  # of a slope or an intercept: beyond it nothing was fitted

Scalings = dict[tuple[str, int, int], tuple[float, float]]


def scalings_of(folder: ComparisonFolder) -> Scalings:
    """Slope and intercept of each run by model, seed and fold, as scores.json holds them.

    All runs of a model are scaled by the same method, the first of METHODS that has a usable
    slope for each of them; a model without one is left out.

    Raises:
        UserError: scores.json cannot be read.
    """
    fitted = {(entry["model"], entry["method"]): entry["runs"] for entry in _calibration(folder)}
    found: Scalings = {}
    for model in dict.fromkeys(model for model, _ in fitted):
        choices = (fitted.get((model, method), []) for method in METHODS)
        runs = next((runs for runs in choices if runs and all(map(_usable, runs))), [])
        for run in runs:
            found[model, run["seed"], run["fold"]] = run["slope"], run["intercept"]
    return found


def _usable(run: dict[str, Any]) -> bool:
    # A slope of zero or less would turn the order of the tiles round, and so the calls.
    slope, intercept = run["slope"], run["intercept"]
    if slope is None or intercept is None:
        return False
    return 0 < slope < _MOST and abs(intercept) < _MOST


def _calibration(folder: ComparisonFolder) -> list[dict[str, Any]]:
    if not folder.scores.is_file():
        return []
    folder.check(folder.scores)
    return stored_scores(folder.scores.read_bytes(), folder.scores)["calibration"]

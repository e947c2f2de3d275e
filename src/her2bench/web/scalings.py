"""What was fitted on validation tiles to make the networks' probabilities honest."""

import json
import math
from typing import Any

from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder

METHODS = ("platt", "temperature")
"""The first that can be used. Platt first, as in the report: a recipe that weighs the positive
class shifts every logit, and no temperature can undo a shift."""

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
    return math.isfinite(slope) and math.isfinite(intercept) and slope > 0


def _calibration(folder: ComparisonFolder) -> list[dict[str, Any]]:
    if not folder.scores.is_file():
        return []
    folder.check(folder.scores)
    try:
        scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    except ValueError as error:  # not JSON, or not UTF-8
        raise _broken(folder, f"cannot be read ({error})") from error
    if not isinstance(scores, dict):
        raise _broken(folder, "holds no table of scores")
    return scores.get("calibration") or []


def _broken(folder: ComparisonFolder, found: str) -> UserError:
    return UserError(
        folder.scores,
        found=found,
        expected="the file as `her2bench compare` wrote it",
        cure="run the comparison again; what is finished is kept",
    )

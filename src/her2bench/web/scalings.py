"""What was fitted on validation tiles to make the networks' probabilities honest."""

import json

from pydantic import BaseModel, TypeAdapter, ValidationError

from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder

METHODS = ("platt", "temperature")
"""The first that can be used. Platt first, as in the report: a recipe that weighs the positive
class shifts every logit, and no temperature can undo a shift."""

_MOST = 1e6  # of a slope or an intercept: beyond it nothing was fitted


class _Run(BaseModel):
    seed: int
    fold: int
    slope: float | None
    intercept: float | None


class _Fitted(BaseModel):
    model: str
    method: str
    runs: list[_Run]


_FITTED = TypeAdapter(list[_Fitted])

Scalings = dict[tuple[str, int, int], tuple[float, float]]


def scalings_of(folder: ComparisonFolder) -> Scalings:
    """Slope and intercept of each run by model, seed and fold, as scores.json holds them.

    All runs of a model are scaled by the same method, the first of METHODS that has a usable
    slope for each of them; a model without one is left out.

    Raises:
        UserError: scores.json cannot be read.
    """
    fitted = {(entry.model, entry.method): entry.runs for entry in _calibration(folder)}
    found: Scalings = {}
    for model in dict.fromkeys(model for model, _ in fitted):
        choices = (fitted.get((model, method), []) for method in METHODS)
        runs = next((runs for runs in choices if runs and all(map(_scaling, runs))), [])
        for run in runs:
            if pair := _scaling(run):
                found[model, run.seed, run.fold] = pair
    return found


def _scaling(run: _Run) -> tuple[float, float] | None:
    slope, intercept = run.slope, run.intercept
    if slope is None or intercept is None:
        return None
    # A slope of zero or less would turn the order of the tiles round, and so the calls.
    return (slope, intercept) if 0 < slope < _MOST and abs(intercept) < _MOST else None


def _calibration(folder: ComparisonFolder) -> list[_Fitted]:
    if not folder.scores.is_file():
        return []
    try:
        scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise _broken(folder, f"cannot be read ({error})") from error
    if not isinstance(scores, dict):
        raise _broken(folder, "holds no table of scores")
    try:
        return _FITTED.validate_python(scores.get("calibration") or [])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("calibration", *first["loc"])))
        raise _broken(folder, f"{place}: {first['msg']}") from error


def _broken(folder: ComparisonFolder, found: str) -> UserError:
    return UserError(
        folder.scores,
        found=found,
        expected="the file as `her2bench compare` wrote it",
        cure="run the comparison again; what is finished is kept",
    )

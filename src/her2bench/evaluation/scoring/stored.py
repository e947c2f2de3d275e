"""`scores.json` as it is read back: checked before any of it is believed."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from her2bench.core.errors import UserError
from her2bench.evaluation.scoring.breakdown import Breakdown
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.pairwise import Pair
from her2bench.evaluation.scoring.recalibration import Recalibrated
from her2bench.evaluation.scoring.rows import Row
from her2bench.evaluation.scoring.run_thresholds import RunThreshold
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import METRICS


class Optimism(BaseModel):
    """A model's metric by the comparison's split and by random tiles."""

    model: str
    metric: str
    value: float
    random_tiles: float
    flattered_by: float


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore")

    rows: list[Row] = []
    pairs: list[Pair] = []
    notes: list[str] = []
    breakdown: list[Breakdown] = []
    calibration: list[Recalibrated] = []
    thresholds: list[RunThreshold] = []
    optimism: list[Optimism] = []
    settings: ScoreSettings | None = None


def stored_scores(text: bytes, where: object) -> dict[str, Any]:
    """The content of a scores.json; its lists are empty where it has none.

    Raises:
        UserError: it is not as `Scores.as_dict` gives it.
    """
    try:
        data = json.loads(text)
        stored = _Stored.model_validate(data)
    except (ValueError, RecursionError) as error:  # a ValidationError too
        raise _broken(where, _first(error)) from error
    metrics = {item.metric for item in (*stored.rows, *stored.pairs)}
    if unknown := sorted(name for name in metrics - set(METRICS) if label_of(name) == name):
        raise _broken(where, f"unknown metric {unknown[0]!r}")
    lists = {name: [] for name in _Stored.model_fields if name != "settings"}
    return lists | {key: value for key, value in data.items() if value is not None}


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _broken(where: object, found: str) -> UserError:
    return UserError(
        where,
        found=f"cannot be read ({found})",
        expected="the file as `her2bench compare` wrote it",
        cure="run the comparison again; what is finished is kept",
    )

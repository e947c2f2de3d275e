"""What `scores.json` holds, and the one place that writes and reads it."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from her2bench.core.atomic_io import reading, replacing
from her2bench.core.errors import UserError, shown
from her2bench.core.run_scores import Level, RunAggregate, RunThreshold
from her2bench.core.run_scores import Method as Method
from her2bench.core.run_scores import Recalibrated as Recalibrated
from her2bench.core.run_scores import RunScaling as RunScaling
from her2bench.core.score_breakdown import Breakdown as Breakdown
from her2bench.core.score_breakdown import ScoreTable as ScoreTable
from her2bench.core.score_notes import Note
from her2bench.core.score_parts import Ensemble, Interaction, Subgroup, TunedModel
from her2bench.core.score_parts import Optimism as Optimism

SCHEMA = 2
"""Changes whenever a key of `scores.json` changes its name or meaning; 1 had no number."""

Question = Literal["weights", "recipe"]
Decision = Literal["a", "b", "equivalent", "undecided", "undefined"]
Family = Literal[
    "networks", "against baselines", "baselines", "ensembles", "ensembles against baselines"
]


@dataclass(frozen=True)
class Row:
    """A metric of one model on one split; None where a number is undefined or unknown.

    `low` and `high` answer for these trained weights on new slides; `recipe_low` and
    `recipe_high` for the recipe retrained with another seed (at least 3 seeds needed).
    `counted_tiles` and `counted_groups` are those the metric is a statement about (for
    sensitivity the positive tiles); `effective_tiles` are they over the design effect.
    """

    model: str
    split: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    method: str
    tiles: int
    groups: int
    seeds: int
    counted_tiles: float
    counted_groups: int
    design_effect: float | None
    effective_tiles: float | None
    seed_sd: float | None
    recipe_low: float | None
    recipe_high: float | None
    level: Level = "tile"


@dataclass(frozen=True)
class Pair:
    """Two models on one metric of the test tiles; None where a number is undefined or unknown.

    `question` is "weights" (these trained networks, on new slides) or "recipe" (across seeds).
    `difference` is model_a's value less model_b's, `low` to `high` its interval, uncorrected;
    `p_adjusted` is Holm's over all pairs of one metric, question and `family`. `needed_low` to
    `needed_high` slides are needed to detect a difference of `needed_for`; the upper end, or
    both, are None where more slides alone may not do. `se_slides`, `se_seeds_a` and `se_seeds_b`
    are the standard errors that slides and each model's seeds add, `df` the degrees of freedom
    together. McNemar's test takes tiles as independent and is made only where asked for.
    """

    metric: str
    question: Question
    model_a: str
    model_b: str
    verdict: str
    decision: Decision | Literal["unanswered"]
    method: str
    groups: int
    family: Family = "networks"
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    margin: float | None = None
    p_equivalent: float | None = None
    p_equivalent_adjusted: float | None = None
    se_slides: float | None = None
    se_seeds_a: float | None = None
    se_seeds_b: float | None = None
    df: float | None = None
    needed_low: float | None = None
    needed_high: float | None = None
    needed_for: float | None = None
    mcnemar_only_a_right: int | None = None
    mcnemar_only_b_right: int | None = None
    mcnemar_p_value: float | None = None
    level: Level = "tile"


@dataclass(frozen=True)
class Scores:
    """Everything that `scores.json` holds.

    Args:
        schema: SCHEMA.
        rows: one per metric, model and split.
        pairs: one per metric and pair of models (test).
        notes: warnings and explanations, most severe first.
        breakdown: how often tiles of a score, a slide, … are predicted positive (test).
        score_tables: confusion tables of the four scores, of models that predict them (test).
        calibration: probabilities before and after scaling fitted on val (test).
        thresholds: one per run.
        optimism: what a random tile split would have added, where a comparison measured it.
        tuning: the settings that trials chose, per model and fold; empty without tuning.
        ensembles: which models are derived, and from what.
        subgroups: every metric by the columns asked for (test).
        interactions: tests whether values and differences depend on the subgroup (test).
        settings: `ScoreSettings` as plain values.
        level: of what the rows are about; "slide" where each row of the predictions is a slide.
        aggregates: how each run's tiles were put together, at slide level.
        slide_settings: `SlideSettings` as plain values, at slide level.
        slide: the scores at slide level, where they were asked for beside those of the tiles.
    """

    schema: int = SCHEMA
    rows: tuple[Row, ...] = ()
    pairs: tuple[Pair, ...] = ()
    notes: tuple[Note, ...] = ()
    breakdown: tuple[Breakdown, ...] = ()
    score_tables: tuple[ScoreTable, ...] = ()
    calibration: tuple[Recalibrated, ...] = ()
    thresholds: tuple[RunThreshold, ...] = ()
    optimism: tuple[Optimism, ...] = ()
    tuning: tuple[TunedModel, ...] = ()
    ensembles: tuple[Ensemble, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    level: Level = "tile"
    aggregates: tuple[RunAggregate, ...] = ()
    slide_settings: dict[str, Any] = field(default_factory=dict)
    slide: "Scores | None" = None


def known(value: float) -> float | None:
    """The number itself, or None for NaN and infinities, which JSON cannot hold."""
    return value if math.isfinite(value) else None


def scores_json(scores: Scores) -> str:
    """The text of `scores.json`; undefined numbers are null."""
    return json.dumps(_plain(asdict(scores)), indent=1, allow_nan=False) + "\n"


def write_scores(scores: Scores, path: Path) -> None:
    """Write `scores.json`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(scores_json(scores), encoding="utf-8", newline="\n")


def read_scores(path: Path) -> Scores:
    """Read `scores.json`.

    Raises:
        UserError: it cannot be read, or has a schema that this version does not know.
    """
    try:
        with reading(path):
            data = json.loads(path.read_bytes())
        _require_known_schema(data, path)
        return TypeAdapter(Scores).validate_python(data)
    except (ValueError, RecursionError) as error:  # a ValidationError too
        raise UserError(
            path,
            found=f"cannot be read ({_first(error)})",
            expected="the file as `her2bench compare` wrote it",
            hint="run the comparison again; what is finished is kept",
        ) from error


def _require_known_schema(data: Any, path: Path) -> None:
    if isinstance(data, dict) and (found := data.get("schema", 1)) != SCHEMA:
        text = f"schema {shown(found)}, which this version of her2bench does not know"
        hint = "run the comparison again: finished runs are kept, they are only scored again"
        raise UserError(path, found=text, expected=f"schema {SCHEMA}", hint=hint)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return known(value) if isinstance(value, float) else value


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place} = {shown(first['input'])}: {first['msg']}" if place else first["msg"]
    return (str(error).strip() or type(error).__name__).splitlines()[0]

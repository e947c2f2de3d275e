"""How often each model predicts a tile positive: by score, by slide, by any column."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, nearest
from her2bench.core.scores import Breakdown, known
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Bools, ModelPredictions
from her2bench.evaluation.statistics.estimates import estimate

MOST_VALUES = 1000  # a column with more values is not broken down


def break_down(
    judged: dict[str, ModelEvaluation], split: str, settings: ScoreSettings
) -> tuple[Breakdown, ...]:
    """Break every model's predicted classes down by score, by slide and by the requested columns.

    Raises:
        UserError: a requested column is not in the table.
    """
    return tuple(
        part
        for model in judged.values()
        for column in _columns(model.panel, settings.by)
        for part in _parts(model, split, column, settings)
    )


def require_columns_to_break_down(present: Sequence[str], asked: Sequence[str]) -> None:
    """Raise a UserError for a requested column that is missing."""
    for name in asked:
        if name not in present:
            raise UserError(
                "score.by",
                found=f"no column {name!r} in the predictions {nearest(name, present)}".strip(),
                expected=f"one of {', '.join(present)}",
                hint="name another column, or name a manifest that has it",
            )


def _columns(panel: Panel, asked: tuple[str, ...]) -> list[str]:
    present = panel.table.columns
    require_columns_to_break_down(present, asked)
    usual = ("score",) if panel.sample.one_each else ("score", "group_id")  # not row by row
    standard = [name for name in usual if name in present]
    columns = dict.fromkeys([*standard, *asked])
    return [
        name
        for name in columns
        if not panel.table[name].is_null().all()
        and (name in asked or panel.table[name].n_unique() <= MOST_VALUES)
    ]


def _parts(
    model: ModelEvaluation, split: str, column: str, settings: ScoreSettings
) -> list[Breakdown]:
    values = model.panel.table[column]
    return [
        _part(model, split, column, value, (values == value).fill_null(False).to_numpy(), settings)
        for value in in_order(values.drop_nulls().unique())
    ]


def in_order(values: pl.Series) -> pl.Series:
    """By size where they are numbers, then by the alphabet."""
    return values.to_frame("value").sort(
        pl.col("value").cast(pl.Float64, strict=False), "value", nulls_last=True
    )["value"]


def _part(
    model: ModelEvaluation,
    split: str,
    column: str,
    value: object,
    chosen: Bools,
    settings: ScoreSettings,
) -> Breakdown:
    sample, answers = model.panel.sample, model.panel.answers
    calls = answers.calls[:, chosen]
    # Were every tile positive, accuracy would be the share predicted positive, interval and all.
    as_if = sample.part(chosen, np.ones_like(sample.targets))
    rate = estimate("accuracy", as_if, answers.take(chosen), settings.bins)
    interval, _ = interval_of(rate, None, settings)
    targets = sample.targets[chosen]
    return Breakdown(
        model=model.name,
        split=split,
        column=column,
        value=str(value),
        tiles=as_if.n_tiles,
        groups=as_if.n_groups,
        positives=round(float(as_if.once @ targets)),
        predicted_positive=rate.value,
        low=known(interval.low),
        high=known(interval.high),
        correct=float((calls == targets).mean()),
    )


def ceiling(panel: Panel, settings: ScoreSettings) -> ModelEvaluation | None:
    """The label ceiling: the tile-level reference read scored against the slides' labels.

    A label is the slide's, and its tiles need not look like it. Where the table has each tile's
    own score (`tile_score`) beside the slide's (`score`), the share of tiles for which
    both lie on the same side of the threshold is what a model can reach from the tile alone.

    Returns:
        The reference read as a model named "ceiling", on the tiles with a score of their own;
        None without both columns, or where the target is not made from the score.
    """
    table = panel.table
    if not {"score", "tile_score"} <= set(table.columns) or table["score"].has_nulls():
        return None
    line = next(
        (k for k in (2, 3, 1) if ((table["score"] >= k) == (table["target"] == 1)).all()), 0
    )
    chosen = table["tile_score"].is_not_null().to_numpy()
    if not line or not chosen.any():
        return None
    calls = (table.filter(pl.Series(chosen))["tile_score"] >= line).to_numpy()[None, :]
    sample = panel.sample.part(chosen, panel.sample.targets)
    sure = np.where(calls, 1.0, 0.0)
    answers = ModelPredictions("ceiling", (0,), sure, sure, calls)
    names = ("accuracy", "balanced_accuracy", "sensitivity", "specificity")
    estimates = {name: estimate(name, sample, answers, settings.bins) for name in names}
    reader = Panel(sample, answers, table["tile_id"], table)
    return ModelEvaluation("ceiling", reader, estimates, {})

"""Every metric by the columns that a user names, and tests whether it depends on the subgroup."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from her2bench.core.errors import UserError
from her2bench.core.score_notes import Note, make_note
from her2bench.core.score_parts import Interaction, Subgroup
from her2bench.core.scores import known
from her2bench.core.text import plural
from her2bench.evaluation.scoring.breakdown import in_order
from her2bench.evaluation.scoring.interactions import LEAST_TESTED, Cell, interactions, testable
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation, metrics_of
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.estimates import Estimate, estimate, whole_slides
from her2bench.evaluation.statistics.metrics import METRICS

MOST_SUBGROUPS = 20  # a column with more values is no set of subgroups


def by_subgroups(
    judged: Mapping[str, ModelEvaluation],
    settings: ScoreSettings,
    metrics: Sequence[str] | None = None,
) -> tuple[tuple[Subgroup, ...], tuple[Interaction, ...], list[Note]]:
    """Metrics and tests by each column of `settings.by`.

    Args:
        judged: name → model, all on one sample; the columns are in their tables.
        settings: of the statistics.
        metrics: those to compute, the primary one among them; by default all that every model
            allows.

    Returns:
        One `Subgroup` per model, column, value and metric; one `Interaction` per column, subgroup,
        metric and model, and per pair of models of which one at most is a baseline; and notes.

    Raises:
        UserError: a column is no property of the tiles: it differs between models.
    """
    models = judged.values()
    chosen = metrics or [m for m in METRICS if all(m in metrics_of(e.panel) for e in models)]
    found: list[Subgroup] = []
    tests: list[Interaction] = []
    notes: list[Note] = []
    for column in settings.by:
        values = _values(column, models)
        if column == "group_id" or not 1 < len(values) <= MOST_SUBGROUPS:
            continue
        cells = {
            (model.name, str(value)): _cell(model, column, value, chosen, settings)
            for model in models
            for value in in_order(values)
        }
        names = list(dict.fromkeys(name for _, name in cells))
        mine = [
            _subgroup(model, column, name, each, settings)
            for (model, name), cell in cells.items()
            for each in cell.estimates.values()
        ]
        found += mine
        for metric in chosen:
            tests += interactions(metric, column, names, cells, judged, settings)
        notes += _notes(column, names, mine, settings)
    return tuple(found), tuple(tests), notes


def _values(column: str, models: Iterable[ModelEvaluation]) -> pl.Series:
    """The values of a column that is one of tiles, not of models."""
    first, *others = (each.panel.table[column] for each in models)
    if not all(first.equals(other) for other in others):
        raise UserError(
            f"--by {column}",
            found="values that differ between the models of one tile",
            expected="a column of the tiles, with one value for all models",
            hint="leave it out: its subgroups would compare the models on other tiles",
        )
    return first.drop_nulls().unique()


def _cell(
    model: ModelEvaluation,
    column: str,
    value: object,
    metrics: Sequence[str],
    settings: ScoreSettings,
) -> Cell:
    panel = model.panel
    chosen = (panel.table[column] == value).fill_null(False).to_numpy()
    sample, answers = panel.sample.part(chosen, panel.sample.targets), panel.answers.take(chosen)
    estimates = {metric: estimate(metric, sample, answers, settings.bins) for metric in metrics}
    return Cell(estimates, answers, np.unique(panel.sample.groups[chosen]))


def _subgroup(
    model: str, column: str, name: str, found: Estimate, settings: ScoreSettings
) -> Subgroup:
    interval, method = interval_of(found, None, settings)
    return Subgroup(
        model=model,
        column=column,
        subgroup=name,
        metric=found.metric,
        value=known(found.value),
        low=known(interval.low),
        high=known(interval.high),
        method=method,
        tiles=found.sample.n_tiles,
        groups=found.sample.n_groups,
        counted_groups=whole_slides(found),
        tested=testable(found),
    )


def _notes(
    column: str, names: Sequence[str], found: Sequence[Subgroup], settings: ScoreSettings
) -> list[Note]:
    """Which subgroups have too few slides for the primary metric."""
    slides = {
        name: min(
            each.counted_groups
            for each in found
            if (each.subgroup, each.metric) == (name, settings.primary)
        )
        for name in names
    }
    few = {name: number for name, number in slides.items() if number < LEAST_TESTED}
    if not few:
        return []
    of_class = " of the scarcer class" if METRICS[settings.primary].over == "both" else ""
    listed = ", ".join(f"{name} ({number})" for name, number in few.items())
    text = (
        f"{column}: too few slides{of_class} in {listed}; {LEAST_TESTED} are needed. "
        f"{plural(len(few), 'This subgroup is', 'These subgroups are')} in no test on the primary "
        f"metric, and {plural(len(few), 'its interval is', 'their intervals are')} wide or missing."
    )
    return [make_note("small_subgroups", text, "test")]

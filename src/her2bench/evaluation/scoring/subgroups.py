"""Every metric by the columns that a user names, and tests whether it depends on the subgroup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from her2bench.core.score_notes import Note, make_note
from her2bench.core.score_parts import Interaction, Subgroup
from her2bench.core.scores import known
from her2bench.core.text import plural
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.breakdown import in_order
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.pair_tests import same_answers
from her2bench.evaluation.scoring.pairwise import (
    ensembles_of,
    family_of,
    two_by_two,
    within_families,
)
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Ints, ModelPredictions
from her2bench.evaluation.statistics.contrasts import (
    NOTHING,
    Part,
    contrast,
    contrast_test,
    from_the_others,
    part_of_difference,
    part_of_value,
)
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import Estimate, estimate, whole_slides
from her2bench.evaluation.statistics.metrics import METRICS

LEAST_TESTED = 5  # slides (of the scarcer class) for a subgroup to be tested
MOST_SUBGROUPS = 20  # a column with more values is no set of subgroups


@dataclass(frozen=True)
class _Cell:
    """A model in one subgroup: its estimates, its predictions and its slides among all."""

    estimates: dict[str, Estimate]
    answers: ModelPredictions
    slides: Ints


Cells = dict[tuple[str, str], _Cell]  # by model and subgroup


def by_subgroups(
    judged: Mapping[str, ModelEvaluation], settings: ScoreSettings
) -> tuple[tuple[Subgroup, ...], tuple[Interaction, ...], list[Note]]:
    """Metrics and tests by each column of `settings.by`.

    Args:
        judged: name → model, all on one sample; the columns are in their tables.
        settings: of the statistics.

    Returns:
        One `Subgroup` per model, column, value and metric; one `Interaction` per column, subgroup,
        metric and model, and per pair of models of which one at most is a baseline; and notes.
    """
    found: list[Subgroup] = []
    tests: list[Interaction] = []
    notes: list[Note] = []
    for column in settings.by:
        values = next(iter(judged.values())).panel.table[column].drop_nulls().unique()
        if column == "group_id" or not 1 < len(values) <= MOST_SUBGROUPS:
            continue
        cells = {
            (model.name, str(value)): _cell(model, column, value, settings)
            for model in judged.values()
            for value in in_order(values)
        }
        names = list(dict.fromkeys(name for _, name in cells))
        mine = [
            _subgroup(model, column, name, each, settings)
            for (model, name), cell in cells.items()
            for each in cell.estimates.values()
        ]
        found += mine
        for metric in METRICS:
            tests += _tests(metric, column, names, cells, judged, settings)
        notes += _notes(column, names, mine, settings)
    return tuple(found), tuple(tests), notes


def _cell(model: ModelEvaluation, column: str, value: object, settings: ScoreSettings) -> _Cell:
    panel = model.panel
    chosen = (panel.table[column] == value).fill_null(False).to_numpy()
    sample, answers = panel.sample.part(chosen, panel.sample.targets), panel.answers.take(chosen)
    estimates = {metric: estimate(metric, sample, answers, settings.bins) for metric in METRICS}
    return _Cell(estimates, answers, np.unique(panel.sample.groups[chosen]))


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
        tested=_testable(found),
    )


def _testable(found: Estimate) -> bool:
    """Whether there are slides enough, and a variance, or Wilson's at 0 and 1 in its place."""
    metric = METRICS[found.metric]
    if metric.noise or np.isnan(found.value) or found.df < 1:
        return False  # noise raises a calibration error, the more the fewer tiles
    visible = found.variance > NOTHING or (metric.least, metric.most) == (0, 1)
    return visible and whole_slides(found) >= LEAST_TESTED


def _tests(
    metric: str,
    column: str,
    names: Sequence[str],
    cells: Cells,
    judged: Mapping[str, ModelEvaluation],
    settings: ScoreSettings,
) -> list[Interaction]:
    """The contrasts of one metric: of every model, then of every pair; each corrected apart."""
    derived, alone, together = ensembles_of(judged), [], []
    for model in judged:
        parts = _values(metric, names, model, cells)
        alone += _contrasts((column, metric, model, None), parts, _kind(model, derived), settings)
    for a, b in two_by_two(judged):
        if a.name not in BASELINES:
            parts = _differences(metric, names, a.name, b.name, cells)
            family = family_of((a.name, b.name), derived)
            together += _contrasts((column, metric, a.name, b.name), parts, family, settings)
    return [*_corrected(alone, settings), *_corrected(together, settings)]


def _kind(model: str, ensembles: Sequence[str]) -> str:
    return "baselines" if model in BASELINES else "ensembles" if model in ensembles else "networks"


def _values(metric: str, names: Sequence[str], model: str, cells: Cells) -> dict[str, Part]:
    """The metric of a model in each subgroup that can be tested."""
    found = {name: cells[model, name] for name in names}
    return {
        name: part_of_value(cell.estimates[metric], cell.slides)
        for name, cell in found.items()
        if _testable(cell.estimates[metric])
    }


def _differences(
    metric: str, names: Sequence[str], model_a: str, model_b: str, cells: Cells
) -> dict[str, Part]:
    """The difference of two models in each subgroup that can be tested."""
    found = {name: (cells[model_a, name], cells[model_b, name]) for name in names}
    return {
        name: part_of_difference(_difference(metric, *two), two[0].slides)
        for name, two in found.items()
        if all(_testable(cell.estimates[metric]) for cell in two)
    }


def _difference(metric: str, a: _Cell, b: _Cell) -> Difference:
    one, other = a.estimates[metric], b.estimates[metric]
    same = one.value == other.value and same_answers(metric, a.answers, b.answers)
    return Difference(one, other, same)


def _contrasts(
    about: tuple[str, str, str, str | None],
    parts: Mapping[str, Part],
    family: str,
    settings: ScoreSettings,
) -> list[Interaction]:
    """Each subgroup against the mean of the others; of two subgroups the first one alone."""
    column, metric, model_a, model_b = about
    if len(parts) < 2:
        return []
    found = []
    for place, name in enumerate(parts if len(parts) > 2 else list(parts)[:1]):
        c = contrast(list(parts.values()), from_the_others(len(parts), place))
        interval, p_value = contrast_test(c, settings.confidence)
        rest = f"the mean of {len(parts) - 1} others" if len(parts) > 2 else list(parts)[1]
        found.append(
            Interaction(
                column=column,
                subgroup=name,
                metric=metric,
                model_a=model_a,
                model_b=model_b,
                contrast=known(c.value),
                low=known(interval.low),
                high=known(interval.high),
                p_value=known(p_value),
                p_adjusted=None,
                df=known(c.df),
                decision="undefined",
                method=f"against {rest}; plain t and MOVER, clustered by slide",
                family=family,
            )
        )
    return found


def _corrected(tests: Sequence[Interaction], settings: ScoreSettings) -> list[Interaction]:
    """Holm within each family, over its subgroups and models."""
    p_values = [float("nan") if t.p_value is None else t.p_value for t in tests]
    adjusted = within_families([test.family for test in tests], p_values)
    return [
        replace(
            test,
            p_adjusted=known(float(p)),
            decision="undefined"
            if np.isnan(p)
            else "differs"
            if p < 1 - settings.confidence
            else "undecided",
        )
        for test, p in zip(tests, adjusted, strict=True)
    ]


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

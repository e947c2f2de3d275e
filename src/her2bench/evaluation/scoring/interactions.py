"""Tests whether a metric, or the difference of two models, depends on the subgroup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from her2bench.core.score_parts import Interaction
from her2bench.core.scores import known
from her2bench.core.vocabulary import BASELINES
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
from her2bench.evaluation.statistics.estimates import Estimate, whole_slides
from her2bench.evaluation.statistics.metrics import METRICS

LEAST_TESTED = 5  # slides (of the scarcer class) for a subgroup to be tested


@dataclass(frozen=True)
class Cell:
    """A model in one subgroup: its estimates, its predictions and its slides among all."""

    estimates: dict[str, Estimate]
    answers: ModelPredictions
    slides: Ints


Cells = dict[tuple[str, str], Cell]  # by model and subgroup


def testable(found: Estimate) -> bool:
    """Whether there are slides enough, and a variance, or Wilson's at 0 and 1 in its place."""
    metric = METRICS[found.metric]
    if metric.noise or np.isnan(found.value) or found.df < 1:
        return False  # noise raises a calibration error, the more the fewer tiles
    visible = found.variance > NOTHING or (metric.least, metric.most) == (0, 1)
    return visible and whole_slides(found) >= LEAST_TESTED


def interactions(
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
        if testable(cell.estimates[metric])
    }


def _differences(
    metric: str, names: Sequence[str], model_a: str, model_b: str, cells: Cells
) -> dict[str, Part]:
    """The difference of two models in each subgroup that can be tested."""
    found = {name: (cells[model_a, name], cells[model_b, name]) for name in names}
    return {
        name: part_of_difference(_difference(metric, *two), two[0].slides)
        for name, two in found.items()
        if all(testable(cell.estimates[metric]) for cell in two)
    }


def _difference(metric: str, a: Cell, b: Cell) -> Difference:
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
                others=rest,
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
                method="plain t and MOVER, clustered by slide",
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

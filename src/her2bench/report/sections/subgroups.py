"""Metrics by the columns a user named, and the tests whether they depend on the subgroup."""

from dataclasses import dataclass

from her2bench.core.score_parts import Interaction
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.results_table import Cell, shown_metrics


@dataclass(frozen=True)
class SubgroupRow:
    """A model in one subgroup: its shown metrics."""

    model: str
    subgroup: str
    tiles: int
    groups: int
    cells: dict[str, Cell]


@dataclass(frozen=True)
class SubgroupTest:
    """A test on the primary metric, in words and numbers."""

    about: str
    subgroup: str
    contrast: str
    p_value: float | None
    p_adjusted: float | None
    differs: bool


@dataclass(frozen=True)
class SubgroupColumn:
    """A column: one sentence, the rows of the table, the tests of values and of differences."""

    name: str
    headline: str
    rows: list[SubgroupRow]
    tests: list[SubgroupTest]


def subgroup_columns(material: ReportInputs) -> list[SubgroupColumn]:
    """The columns that the settings name and that have subgroups, in their order."""
    columns = dict.fromkeys(each.column for each in material.scores.subgroups)
    return [_column(material, name) for name in columns]


def _column(material: ReportInputs, name: str) -> SubgroupColumn:
    primary = material.settings.primary
    found = [
        each
        for each in material.scores.interactions
        if each.column == name and each.metric == primary and each.contrast is not None
    ]
    tests = [_test(each) for each in found]
    return SubgroupColumn(name, _headline(name, primary, tests), _rows(material, name), tests)


def _rows(material: ReportInputs, column: str) -> list[SubgroupRow]:
    shown = shown_metrics(material)
    rows: dict[tuple[str, str], SubgroupRow] = {}
    for each in material.scores.subgroups:
        if each.column == column and each.metric in shown:
            key = each.model, each.subgroup
            row = rows.setdefault(
                key,
                SubgroupRow(model_label(key[0]), each.subgroup, each.tiles, each.groups, {}),
            )
            row.cells[each.metric] = Cell(each.value, each.low, each.high, each.method)
    return list(rows.values())


def _test(each: Interaction) -> SubgroupTest:
    about = model_label(each.model_a)
    if each.model_b is not None:
        about = f"{about} − {model_label(each.model_b)}"
    known = each.low is not None and each.high is not None
    inner = f"{each.low:+.3f} to {each.high:+.3f}" if known else "no interval"
    return SubgroupTest(
        about=about,
        subgroup=f"{each.subgroup} against {each.others}",
        contrast=f"{each.contrast:+.3f} ({inner})".replace("-", "−"),
        p_value=each.p_value,
        p_adjusted=each.p_adjusted,
        differs=each.decision == "differs",
    )


def _headline(column: str, metric: str, tests: list[SubgroupTest]) -> str:
    label = METRICS[metric].label
    if not tests:
        return f"No test by {column}: fewer than two subgroups have slides enough."
    differing = [test for test in tests if test.differs]
    if not differing:
        return (
            f"{label} is not shown to depend on {column}, neither a model’s value nor a difference "
            "of two models. That is not proof that it does not."
        )
    shown = "; ".join(f"{test.about} ({test.subgroup})" for test in differing)
    return f"{label} depends on {column} in {len(differing)} of {len(tests)} tests: {shown}."

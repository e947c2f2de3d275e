"""The results table of the page: one row per model, one value with its interval per cell."""

from dataclasses import dataclass, replace

from her2bench.core.scores import Question, Row
from her2bench.core.vocabulary import SPLITS, model_label
from her2bench.evaluation.scoring.extra_rows import cut_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.roc_points import point_label
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.summary import shown_question

SHOWN = (
    "roc_auc", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "accuracy",
)  # fmt: skip
STUDY = ("accuracy", "ppv", "sensitivity", "specificity", "balanced_accuracy", "roc_auc")
CEILING = "ceiling"


@dataclass(frozen=True)
class Cell:
    """A value with its interval, None where undefined; `why` there is no interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Standing:
    """A row: the model, its shown metrics, and the primary metric on other splits.

    `networks`: how many an ensemble is made of.
    `best`: whether its point estimate of the primary metric is the best of all models.
    """

    model: str
    kind: str
    cells: dict[str, Cell]
    beside: dict[str, Cell]
    seeds: int
    seed_sd: float | None
    networks: int = 0
    best: bool = False


@dataclass(frozen=True)
class Side:
    """A model on one split: the number of tiles and the study's metrics."""

    model: str
    split: str
    tiles: int
    cells: dict[str, Cell]


def standings(material: ReportInputs) -> list[Standing]:
    """One row per model of the shown split: networks, baselines, then the ceiling if known."""
    present = {row.model for row in material.scores.rows}
    models = [m for m in material.models if m in present]
    models += [CEILING] if CEILING in present else []
    rows = [_standing(material, model) for model in models]
    best = _best([row for row in rows if row.kind != CEILING], material.settings.primary)
    return [replace(row, best=row in best) for row in rows]


def _best(rows: list[Standing], metric: str) -> list[Standing]:
    """Those with the best point estimate; none where there is nothing to choose from."""
    known = {i: cell.value for i, row in enumerate(rows) if (cell := row.cells.get(metric))}
    values = [value for value in known.values() if value is not None]
    if len(values) < 2:
        return []
    best = (max if METRICS[metric].higher_is_better else min)(values)
    return [rows[i] for i, value in known.items() if value == best]


def shown_cells(material: ReportInputs, model: str, metrics: tuple[str, ...]) -> dict[str, Cell]:
    """Some metrics of a model on the shown split, for the question that verdicts are given for."""
    return _cells(material, model, material.split or "test", metrics, shown_question(material))


def metric_titles(material: ReportInputs) -> dict[str, str]:
    """The metrics, then points of the ROC curve and cuts of the score, if any: name → title.

    Metrics of the scores are among them where a model has them.
    """
    present = dict.fromkeys(row.metric for row in material.scores.rows)
    others = {name: text for name in present if (text := point_label(name) or cut_label(name))}
    titles = {
        name: metric.title
        for name, metric in METRICS.items()
        if metric.kind == "binary" or name in present
    }
    return titles | {name: text[0].upper() + text[1:] for name, text in others.items()}


def every_metric(material: ReportInputs, split: str) -> list[tuple[str, dict[str, Cell]]]:
    """All of `metric_titles` on one split: model label, metric → cell."""
    present = {row.model for row in material.scores.rows if row.split == split}
    return [
        (model_label(model), _cells(material, model, split, tuple(metric_titles(material))))
        for model in material.models
        if model in present
    ]


def on_all_sides(material: ReportInputs) -> list[Side]:
    """The study's table: each model on training, validation and test tiles."""
    return [
        Side(model_label(model), split, row.tiles, _cells(material, model, split, STUDY))
        for model in material.models
        for split in SPLITS
        if (row := _rows(material, model, split).get("accuracy"))
    ]


def shown_metrics(material: ReportInputs) -> list[str]:
    """The metrics of the main table, the primary one first."""
    primary = material.settings.primary
    return [primary, *(m for m in SHOWN if m != primary)]


def _standing(material: ReportInputs, model: str) -> Standing:
    primary, split = material.settings.primary, material.split or "test"
    mine = _rows(material, model, split).get(primary)
    ensemble = material.ensembles.get(model)
    others = [s for s in ("val", "train") if s != split]
    asked = shown_question(material)
    return Standing(
        model=_name(model),
        kind=_kind(material, model),
        cells=_cells(material, model, split, tuple(shown_metrics(material)), asked),
        beside={
            s: _cells(material, model, s, (primary,), asked).get(primary, Cell(None))
            for s in others
        },
        seeds=mine.seeds if mine else 0,
        seed_sd=mine.seed_sd if mine else None,
        networks=ensemble.networks if ensemble else 0,
    )


def _kind(material: ReportInputs, model: str) -> str:
    if model == CEILING:
        return CEILING
    if model in material.ensembles:
        return "ensemble"
    return "network" if model in material.networks else "base"


def _name(model: str) -> str:
    return "Label ceiling (tile-level reference read)" if model == CEILING else model_label(model)


def _rows(material: ReportInputs, model: str, split: str) -> dict[str, Row]:
    rows = material.scores.rows
    return {row.metric: row for row in rows if row.model == model and row.split == split}


def _cells(
    material: ReportInputs,
    model: str,
    split: str,
    metrics: tuple[str, ...],
    question: Question = "weights",
) -> dict[str, Cell]:
    rows = _rows(material, model, split)
    again = question == "recipe" and model in material.networks  # others are the same every time
    return {
        metric: _of_recipe(row) if again else Cell(row.value, row.low, row.high, row.method)
        for metric in metrics
        if (row := rows.get(metric))
    }


def _of_recipe(row: Row) -> Cell:
    return Cell(row.value, row.recipe_low, row.recipe_high, "no interval across seeds")

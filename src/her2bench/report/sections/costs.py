"""What each model costs: size, work per tile, training time, speed and memory."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from her2bench.core.scores import Question, Row
from her2bench.core.vocabulary import CONSTANT, model_label, model_name
from her2bench.report.formats import duration, large, rate
from her2bench.report.inputs import ReportInputs
from her2bench.report.table_csv import cost_table


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value < 10 else duration(value)


COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "parameters": ("Parameters", "{:,}".format),
    "multiply_adds": ("Multiply-adds per tile", large),
    "train_seconds": ("Training time, one run", _seconds),
    "tuning_seconds": ("Tuning time, all trials", _seconds),
    "train_seconds_total": ("Training time in all", _seconds),
    "tiles_per_second": ("Images/s, training", rate),
    "predict_tiles_per_second": ("Images/s, prediction", rate),
    "peak_memory_gb": ("Peak memory, GB", "{:.2f}".format),
    "peak_device_memory_gb": ("Peak GPU memory, GB", "{:.2f}".format),
}
"""Column of table.csv → its title, and how a value is written."""


@dataclass(frozen=True)
class CostPoint:
    """A model's metric with its interval, and one of its costs; None where it is not known."""

    model: str
    cost: float | None
    value: float
    low: float | None
    high: float | None


def costs(material: ReportInputs) -> tuple[list[str], list[tuple[str, bool, list[str]]]]:
    """The titles of the columns that have a value, and one row per model.

    Returns:
        Titles; and for each model its label, whether it is a baseline, and its cells.
    """
    known = {row["model"]: row for row in cost_table(material.runs).to_dicts()}
    models = [m for m in material.models if m in known and m not in CONSTANT]
    shown = [name for name in COLUMNS if any(known[m][name] for m in models)]
    rows = [
        (model_label(m), m in material.baselines, [_cell(known[m], name) for name in shown])
        for m in models
    ]
    return [COLUMNS[name][0] for name in shown], rows


def cost_lines(material: ReportInputs, model: str) -> list[tuple[str, str]]:
    """What one model costs, title and value, where it is known."""
    rows = cost_table(material.runs.filter(pl.col("model") == model)).to_dicts()
    return [(COLUMNS[n][0], _cell(row, n)) for row in rows for n in COLUMNS if row[n]]


def network_of(material: ReportInputs, model: str) -> str:
    """The network behind a model's name, with its arguments; empty where it is the name."""
    entries = {model_name(entry): entry for entry in material.config.get("models", [])}
    source = entries.get(model, model).partition("=")[2]
    options = (material.config.get("network") or {}).get(model) or {}
    given = ", ".join(f"{k} = {v}" for k, v in (options.get("arguments") or {}).items())
    return f"{source or model} with {given}" if given else source


def hardware(material: ReportInputs, model: str | None = None) -> str:
    """Where the networks, or one of them, were trained; empty where it is not recorded."""
    runs = material.runs if model is None else material.runs.filter(pl.col("model") == model)
    return ", ".join(runs["hardware"].drop_nulls().unique().sort().to_list())


def cost_points(
    rows: Iterable[Row],
    runs: pl.DataFrame,
    cost: str,
    metric: str,
    split: str,
    question: Question,
    baselines: Collection[str],
) -> list[CostPoint]:
    """A metric over a cost, one point per model with a value, in the order of the rows.

    Args:
        rows: of scores.json.
        runs: as `run_table` gives it.
        cost: a column of `cost_table`.
        metric: of the rows.
        split: of the tiles.
        question: whether the intervals are those of recipes or of these weights.
        baselines: models whose intervals are the same for both.
    """
    known = dict(cost_table(runs).select("model", cost).iter_rows())
    points = []
    for row in rows:
        if (row.split, row.metric) != (split, metric) or row.model in CONSTANT:
            continue
        again = question == "recipe" and row.model not in baselines
        ends = (row.recipe_low, row.recipe_high) if again else (row.low, row.high)
        if row.value is not None and row.model in known:
            points.append(CostPoint(row.model, known[row.model] or None, row.value, *ends))
    return points


def _cell(row: dict[str, Any], name: str) -> str:
    return "–" if row[name] is None else COLUMNS[name][1](row[name])

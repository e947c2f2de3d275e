"""The table of results: one row per model and split, from scores.json and the finished runs."""

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Scores
from her2bench.core.tables import Wanted, read_table
from her2bench.core.values import refuse_rows, typed
from her2bench.evaluation.statistics.metrics import METRICS, OWN, names_of
from her2bench.report.ensemble_costs import with_ensemble_costs

STUDY_COLUMNS = {  # metric → column, the terms of the study
    "accuracy": "accuracy",
    "ppv": "precision",
    "sensitivity": "recall",
    "specificity": "specificity",
    "balanced_accuracy": "balanced_accuracy",
    "roc_auc": "roc_auc",
}


def metric_columns() -> dict[str, str]:
    """Metric → column: those of the study, then what is registered from outside."""
    return STUDY_COLUMNS | {name: name for name in METRICS if name not in OWN}


def column_label(metric: str) -> str:
    """The label of a metric's column: the term of the study, where it differs."""
    words = STUDY_COLUMNS.get(metric, metric)
    return METRICS[metric].label if words == metric else words.replace("_", " ")


def result_table(scores: Scores, runs: pl.DataFrame) -> pl.DataFrame:
    """One row per model and split: each metric with its interval, and what the model costs.

    Args:
        scores: of the comparison, at either level.
        runs: as `run_table` gives it.

    Returns:
        `model, split, tiles, groups, seeds`, then `<column>, <column>_low, <column>_high` for
        each of `metric_columns` and each metric of the scores that a model has, then those of
        `cost_table`, of an ensemble summed over its networks. At slide level `slides` in place of
        `tiles, groups`, and no cost.
    """
    present = {row.metric for row in scores.rows}
    of_scores = {name: name for name in names_of("ordinal") if name in present}
    columns, rows = metric_columns() | of_scores, dict[tuple[str, str], dict[str, Any]]()
    about = ("model", "split", "tiles", "groups", "seeds")
    for row in scores.rows:
        if row.metric not in columns:
            continue
        entry = rows.setdefault((row.model, row.split), {k: getattr(row, k) for k in about})
        name = columns[row.metric]
        entry |= {name: row.value, f"{name}_low": row.low, f"{name}_high": row.high}
    table = pl.DataFrame(list(rows.values()), infer_schema_length=None)
    if scores.level == "slide":  # its rows are slides; costs are in the table of the tiles
        return table.rename({"tiles": "slides"}).drop("groups")
    costs = cost_table(with_ensemble_costs(runs, scores.ensembles))
    return table.join(costs, on="model", how="left", maintain_order="left")


def cost_table(runs: pl.DataFrame) -> pl.DataFrame:
    """What each model costs, one row per model; null where it was not measured.

    Args:
        runs: as `run_table` gives it.

    Returns:
        `model, parameters, multiply_adds` (for one tile), `train_seconds` (of one run: all its
        epochs, at every learning rate that was tried, without validation; the mean over runs),
        `tuning_seconds` (of all trials, on all folds), `train_seconds_total` (of all runs, and
        the tuning), `tiles_per_second` (in training),
        `predict_tiles_per_second`, `peak_memory_gb` and `peak_device_memory_gb`, the last four
        averaged over runs.
    """
    seconds, tuning = pl.col("train_seconds"), pl.col("tuning_seconds")
    return runs.group_by("model", maintain_order=True).agg(
        pl.col("parameters", "multiply_adds").drop_nulls().first(),
        seconds.mean(),
        pl.when(tuning.count() > 0).then(tuning.sum()).alias("tuning_seconds"),
        pl.when(seconds.count() > 0)
        .then(seconds.sum() + tuning.sum())
        .alias("train_seconds_total"),
        pl.col("train_tiles_per_second").mean().alias("tiles_per_second"),
        pl.col("predict_tiles_per_second", "peak_memory_gb", "peak_device_memory_gb").mean(),
    )


def run_table(folder: ComparisonFolder) -> pl.DataFrame:
    """Run summary: the DONE of each finished run, one row per run.

    `tuning_seconds`, which seeds share, stands in the row of a fold's first seed alone.
    """
    schema = {
        "parameters": pl.Int64,
        "multiply_adds": pl.Int64,
        "threshold": pl.Float64,
        "learning_rate": pl.Float64,
        "kept_epoch": pl.Int64,
        "train_seconds": pl.Float64,
        "tuning_seconds": pl.Float64,
        "train_tiles_per_second": pl.Float64,
        "predict_tiles_per_second": pl.Float64,
        "peak_memory_gb": pl.Float64,
        "peak_device_memory_gb": pl.Float64,
        "device": pl.String,
        "hardware": pl.String,
        "finished": pl.String,
        "versions": pl.String,
    }
    rows = [
        {"model": model, "seed": seed, "fold": fold, **_from_one(run.summary())}
        for model, seed, fold, run in folder.finished_runs()
    ]
    keys = {"model": pl.String, "seed": pl.Int64, "fold": pl.Int64}
    table = pl.DataFrame(rows, schema=keys | schema)
    first = pl.int_range(pl.len()).over("model", "fold") == 0  # each run of a fold notes its tuning
    return table.with_columns(pl.when(first).then("tuning_seconds").alias("tuning_seconds"))


def _from_one(summary: dict[str, Any]) -> dict[str, Any]:
    """A run's summary with its kept epoch counted from 1; version 0.2 wrote `epoch`, from 0."""
    return {"kept_epoch": summary["epoch"] + 1} | summary if "epoch" in summary else summary


def epoch_table(folder: ComparisonFolder) -> pl.DataFrame:
    """The rows of all metrics.csv, with model, seed and fold; epochs are counted from 1."""
    parts = []
    for model, seed, fold, run in folder.finished_runs():
        run.check(run.metrics)
        if run.metrics.is_file():
            mine = {"model": model, "seed": seed, "fold": fold}
            table = _numbers(read_table(run.metrics, Wanted(("epoch",))), run.metrics)
            if table.height and table["epoch"].min() == 0:  # of version 0.2
                table = table.with_columns(pl.col("epoch") + 1)
            parts.append(table.with_columns(pl.lit(value).alias(k) for k, value in mine.items()))
    return pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()


def _numbers(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    refuse = partial(refuse_rows, where=path)
    return table.select(
        typed(column, pl.Int64 if column.name == "epoch" else pl.Float64, path, refuse)
        for column in table
    )

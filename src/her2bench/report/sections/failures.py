"""Errors of the models by IHC score and by slide."""

from typing import Any

import polars as pl

from her2bench.report.inputs import ReportInputs

MOST_SLIDES = 30


def by_score(material: ReportInputs) -> pl.DataFrame:
    """One row per model and IHC score: shares of tiles predicted positive and correctly classified.

    Returns:
        `model, score, tiles, groups, positives, predicted_positive, low, high, correct`; shares
        are averaged over seeds; the interval is that of scores.json, null where it has none.
    """
    if "score" not in material.shown.columns or not material.shown.height:
        return pl.DataFrame()
    table = _shares(material.shown.filter(pl.col("score").is_not_null()), "score")
    intervals = [
        (row.model, int(row.value), row.low, row.high)
        for row in material.scores.breakdown
        if row.column == "score" and row.split == material.split
    ]
    schema = {"model": pl.String, "score": pl.Int8, "low": pl.Float64, "high": pl.Float64}
    known = pl.DataFrame(intervals, schema=schema, orient="row")
    return table.join(known, on=["model", "score"], how="left", maintain_order="left")


def predictions_by_score(material: ReportInputs) -> list[dict[str, Any]]:
    """`by_score` for the page: one row per score, with `score`, `tiles` and `models`, a dict."""
    table = by_score(material)
    if not table.height:
        return []
    return [
        {
            "score": part["score"][0],
            "tiles": part["tiles"][0],
            "models": {row["model"]: row for row in part.to_dicts()},
        }
        for part in table.partition_by("score", maintain_order=True)
    ]


def by_slide(material: ReportInputs) -> pl.DataFrame:
    """One row per slide, most errors first: `group_id, score, tiles, positives`, and for each
    model the share of its tiles correctly classified (averaged over seeds)."""
    if not material.grouped:
        return pl.DataFrame()
    shares = _shares(material.shown, "group_id")
    wide = shares.pivot("model", index="group_id", values="correct", aggregate_function="first")
    about = shares.group_by("group_id").agg(pl.col("tiles", "positives").first())
    networks = material.networks or material.models
    order = pl.mean_horizontal(pl.col(m) for m in networks)
    table = about.join(wide, on="group_id").join(_slide_scores(material), on="group_id", how="left")
    table = table.sort(order, pl.col("group_id"))
    return table.select("group_id", "score", "tiles", "positives", *material.models)


def failing_slides(material: ReportInputs) -> dict[str, Any]:
    """The worst slides for the page, and the number of all slides in the CSV."""
    table = by_slide(material)
    return {"rows": table.head(MOST_SLIDES).to_dicts(), "all": table.height}


def _shares(shown: pl.DataFrame, column: str) -> pl.DataFrame:
    correct = pl.col("call") == (pl.col("target") == 1)
    table = shown.group_by("model", column, maintain_order=True).agg(
        (pl.len() / pl.col("seed").n_unique()).round().cast(pl.Int64).alias("tiles"),
        pl.col("group_id").n_unique().alias("groups"),
        (pl.col("target").cast(pl.Int64).sum() / pl.col("seed").n_unique())
        .round()
        .cast(pl.Int64)
        .alias("positives"),
        pl.col("call").mean().alias("predicted_positive"),
        correct.mean().alias("correct"),
    )
    return table.sort(column, maintain_order=True)


def _slide_scores(material: ReportInputs) -> pl.DataFrame:
    """Each slide's score where all its tiles have the same one."""
    shown = material.shown
    if "score" not in shown.columns:
        shown = shown.with_columns(pl.lit(None, dtype=pl.Int8).alias("score"))
    one = pl.when(pl.col("score").n_unique() == 1).then(pl.col("score").first())
    return shown.group_by("group_id").agg(one.alias("score"))

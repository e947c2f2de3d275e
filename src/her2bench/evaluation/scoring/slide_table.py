"""From tiles to slides: a predictions table with one row per slide, model, seed and fold."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.predictions import COLUMNS, check_predictions
from her2bench.core.run_scores import RunAggregate
from her2bench.evaluation.scoring.run_thresholds import RUN
from her2bench.evaluation.statistics.aggregation import aggregated
from her2bench.evaluation.statistics.arrays import Floats, Ints

_NOT_KEPT = (*COLUMNS, "call", "threshold", "tile_score")  # of a tile alone, or made anew


def slide_table(tiles: pl.DataFrame, aggregates: Sequence[RunAggregate]) -> pl.DataFrame:
    """Put the tiles of each slide together, within each run and split.

    Args:
        tiles: predictions with `call`, of slides that `require_whole_slides` lets pass.
        aggregates: one per run of the table; other runs are left out.

    Returns:
        Predictions in which `tile_id` and `group_id` are the slide. Further columns are kept where
        all tiles of a slide agree in them, else null.
    """
    how = {(each.model, each.seed, each.fold): each for each in aggregates}
    parts = [
        _of_run(rows, how[run])
        for run, rows in tiles.partition_by(RUN, as_dict=True, maintain_order=True).items()
        if run in how
    ]
    return check_predictions(pl.concat(parts), "slides")


def _of_run(rows: pl.DataFrame, how: RunAggregate) -> pl.DataFrame:
    ordered = rows.sort("split", "group_id", maintain_order=True)
    kept = [name for name in ordered.columns if name not in _NOT_KEPT]
    alike = [pl.when(pl.col(n).n_unique() == 1).then(pl.col(n).first()).alias(n) for n in kept]
    by = ["model", "seed", "fold", "split", "group_id"]
    slides = ordered.group_by(by, maintain_order=True).agg(pl.col("target").first(), *alike)
    return slides.with_columns(
        pl.col("group_id").alias("tile_id"), probability=probabilities(ordered, how)
    )


def probabilities(rows: pl.DataFrame, how: RunAggregate) -> Floats:
    """The slides' probabilities, of rows that lie slide by slide: (slides,) float64."""
    return aggregated(
        how.aggregate,
        rows["probability"].to_numpy(),
        rows["call"].to_numpy(),
        _codes(rows),
        how.quantile,
    )


def _codes(ordered: pl.DataFrame) -> Ints:
    """Each row's slide as a code, of rows that lie slide by slide."""
    begins = (ordered["group_id"] != ordered["group_id"].shift(1)).fill_null(True)
    begins |= (ordered["split"] != ordered["split"].shift(1)).fill_null(True)
    return np.cumsum(begins.to_numpy()).astype(np.int64) - 1


def require_whole_slides(tiles: pl.DataFrame, where: str = "slide level") -> None:
    """Refuse tiles without a slide, slides with two labels, and slides that a split divides.

    Args:
        tiles: predictions, or a manifest with `target`; `split` and the columns of a run where it
            has them.
        where: for the message.
    """
    if tiles["group_id"].has_nulls():
        raise UserError(
            where,
            found="no column 'group_id', or no value in it",
            expected="the slide (or patient) of every tile",
            hint="add the column group_id, or score the tiles alone: leave out the slides",
        )
    _refuse_two_labels(tiles, where)
    if "split" in tiles.columns:
        _refuse_divided(tiles, where)


def _refuse_two_labels(tiles: pl.DataFrame, where: str) -> None:
    labels = (
        tiles.unique(["tile_id", "target"])
        .group_by("group_id")
        .agg(positive=(pl.col("target") == 1).sum(), negative=(pl.col("target") == 0).sum())
    )
    mixed = labels.filter((pl.col("positive") > 0) & (pl.col("negative") > 0)).sort("group_id")
    if len(mixed):
        lines = [f"{slide}: {p} positive tiles, {n} negative" for slide, p, n in mixed.rows()]
        raise UserError(
            where,
            found=f"{len(mixed)} slides hold tiles of both classes:{listed(lines)}",
            expected="one label per slide, the same target for all its tiles",
            hint="give every tile its slide's label, or score the tiles alone: where the label is "
            "each tile's own, a slide has none",
        )


def _refuse_divided(tiles: pl.DataFrame, where: str) -> None:
    run = [name for name in RUN if name in tiles.columns]
    sides = tiles.group_by(*run, "group_id").agg(pl.col("split").unique().sort())
    divided = sides.filter(pl.col("split").list.len() > 1).unique("group_id").sort("group_id")
    if len(divided):
        lines = [f"{row['group_id']}: {', '.join(row['split'])}" for row in divided.to_dicts()]
        raise UserError(
            where,
            found=f"{len(divided)} slides have tiles on more than one side of the split:"
            f"{listed(lines)}",
            expected="whole slides in train, val or test",
            hint="split by group_id, or score the tiles alone: such slides are no new slides",
        )

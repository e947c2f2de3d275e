"""The predictions table, the narrow waist: one row a tile, model, seed and fold."""

import polars as pl

from her2bench.core.tables import require_columns

COLUMNS = {
    "model": pl.String,
    "seed": pl.Int64,
    "fold": pl.Int64,
    "split": pl.String,
    "tile_id": pl.String,
    "group_id": pl.String,
    "target": pl.Int8,
    "logit": pl.Float64,
    "probability": pl.Float64,
}
REQUIRED = ("model", "tile_id", "target", "probability")
KEY = ("model", "seed", "fold", "split", "tile_id")


def as_predictions(table: pl.DataFrame) -> pl.DataFrame:
    """Put our own predictions into the table's columns, types and order."""
    require_columns(table, COLUMNS, "predictions")
    return table.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())

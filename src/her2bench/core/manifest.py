"""The manifest: one row a tile, its image, its score and, where known, its slide."""

import os
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.tables import read_table, require_columns, write_table

SPLITS = ("train", "val", "test")
ENDPOINTS = ("2+", "3+", "1+", "status")
REGION = ("x", "y", "width", "height")
_TYPES = {
    "tile_id": pl.String,
    "path": pl.String,
    "group_id": pl.String,
    "split": pl.String,
    "status": pl.Int8,
    "x": pl.Int64,
    "y": pl.Int64,
    "width": pl.Int64,
    "height": pl.Int64,
    "mpp": pl.Float64,
}


def read_manifest(path: Path) -> pl.DataFrame:
    """Read and check a manifest (`.csv` or `.parquet`).

    Required columns: `tile_id` (unique text), `path` (relative to the manifest's folder),
    `score` (0 to 3; `1+`, `2+`, `3+` are read too). Optional: `group_id` (slide or patient),
    `split` (train, val, test), `status` (0 or 1), `x y width height` (a region, pixels at full
    resolution), `mpp` (µm/pixel). Further columns are kept.

    Returns:
        The table, `path` made absolute, `score` as Int8.

    Raises:
        UserError: a column is missing, a value is not of its kind, or a tile_id stands twice.
    """
    path = Path(path)
    return check_manifest(read_table(path), path)


def check_manifest(table: pl.DataFrame, where: Path) -> pl.DataFrame:
    """The checks of `read_manifest` on a table that lies (or will lie) at `where`."""
    require_columns(table, ("tile_id", "path", "score"), where)
    table = table.with_columns(read_scores(table["score"], where).alias("score"))
    table = table.with_columns(
        _typed(table[name], dtype, where) for name, dtype in _TYPES.items() if name in table.columns
    )
    for name in ("tile_id", "path", "group_id", "split"):
        if name in table.columns:
            _no_gaps(table, name, where)
    _check_region(table, where)
    if "mpp" in table.columns:
        good = table["mpp"].is_between(0.01, 100) | table["mpp"].is_null()
        _reject(table["mpp"], good.fill_null(False), "µm/pixel, from 0.01 to 100", where)
    _one_of(table, "split", SPLITS, where)
    _one_of(table, "status", (0, 1), where)
    repeated = table.filter(pl.col("tile_id").is_duplicated())["tile_id"].unique(
        maintain_order=True
    )
    if len(repeated):
        raise UserError(
            where,
            found=f"{len(repeated)} tile_id stand in more than one row:{listed(repeated)}",
            expected="each tile_id once",
            cure="make the ids unique, or drop the repeated rows",
        )
    folder = where.resolve().parent
    return table.with_columns(
        pl.Series("path", [os.path.normpath(folder / p) for p in table["path"]])
    )


def write_manifest(table: pl.DataFrame, path: Path) -> None:
    """Write a manifest whose `path` column is absolute; on disk it is relative to the folder."""
    folder = Path(path).resolve().parent
    write_table(
        table.with_columns(pl.Series("path", [_relative(p, folder) for p in table["path"]])), path
    )


def read_scores(column: pl.Series, where: object, gaps: bool = False) -> pl.Series:
    """A column of scores, 0 to 3 or `1+`, `2+`, `3+`, as Int8 of the same name.

    Args:
        column: numbers or text.
        where: the table's path, for the message.
        gaps: whether rows may have no score (null, NaN or empty text).

    >>> read_scores(pl.Series("own", ["0", "3+", None]), "m.csv", gaps=True).to_list()
    [0, 3, None]
    """
    expected = "0, 1, 2, 3, 1+, 2+ or 3+" + (", or nothing" if gaps else "")
    if column.dtype.is_nested():
        _reject(column, column.is_null(), expected, where)
    text = column.cast(pl.String).str.strip_chars()
    missing = text.is_null() | text.is_in(["", "NaN"])
    text = text.str.replace(r"\.0+$", "").str.replace(r"^([123])\+$", "$1")
    good = text.is_in(["0", "1", "2", "3"]).fill_null(False)
    _reject(column, good | missing if gaps else good, expected, where)
    return text.cast(pl.Int8, strict=False).alias(column.name)


def require_sides(table: pl.DataFrame, where: object) -> None:
    """Refuse a column `split` in which a row names no side, or another than train, val and test."""
    _no_gaps(table, "split", where)
    _one_of(table, "split", SPLITS, where)


def targets(manifest: pl.DataFrame, endpoint: str, where: object = "manifest") -> pl.Series:
    """Each tile's target, Int8 0 or 1, for an endpoint.

    `2+` is score 2 and 3 against 0 and 1 (a laboratory convention, not clinical HER2 status);
    `3+` and `1+` likewise; `status` is the confirmed status.

    >>> table = pl.DataFrame({"score": [0, 1, 2, 3]})
    >>> targets(table, "2+").to_list()
    [0, 0, 1, 1]
    """
    if endpoint not in ENDPOINTS:
        raise UserError(
            where,
            found=f"endpoint {endpoint!r}",
            expected=f"one of {', '.join(ENDPOINTS)}",
            cure="choose one of these as the endpoint",
        )
    if endpoint != "status":
        return (manifest["score"] >= int(endpoint[0])).cast(pl.Int8).alias("target")
    if "status" not in manifest.columns:
        raise UserError(
            where,
            found=f"missing columns: status (present: {', '.join(manifest.columns)})",
            expected="each tile's confirmed status, 0 or 1, for the endpoint status",
            cure="add the column, or choose the endpoint 2+, 3+ or 1+",
        )
    _no_gaps(manifest, "status", where)
    return manifest["status"].cast(pl.Int8).alias("target")


def _typed(column: pl.Series, dtype: type[pl.DataType], where: object) -> pl.Series:
    if column.dtype == pl.Null or column.is_null().all():
        return column.cast(dtype)
    if dtype in (pl.Int8, pl.Int64) and column.dtype.is_float():
        _reject(column, (column == column.round()) | column.is_null(), "a whole number", where)
    if column.dtype.is_nested():
        _reject(column, column.is_null(), "one value a row, no lists", where)
    typed = column.cast(dtype, strict=False)
    expected = (
        "text" if dtype == pl.String else "a number" if dtype == pl.Float64 else "a whole number"
    )
    _reject(column, typed.is_not_null() | column.is_null(), expected, where)
    return typed


def _no_gaps(table: pl.DataFrame, name: str, where: object) -> None:
    if name == "group_id" and table[name].is_null().all():
        return
    _reject(table[name], table[name].is_not_null(), "a value in every row", where)


def _one_of(table: pl.DataFrame, name: str, allowed: tuple, where: object) -> None:
    if name in table.columns:
        good = table[name].is_in(list(allowed)) | table[name].is_null()
        _reject(table[name], good, f"one of {', '.join(map(str, allowed))}", where)


def _check_region(table: pl.DataFrame, where: object) -> None:
    present = [name for name in REGION if name in table.columns]
    if not present:
        return
    require_columns(table, REGION, where)
    known = table.select(pl.sum_horizontal(pl.col(n).is_not_null() for n in REGION)).to_series()
    whole = (known == 0) | (known == 4)
    _reject(table["x"], whole, "x, y, width and height all filled, or all empty", where)
    for name in REGION:
        least = 0 if name in "xy" else 1
        good = (table[name] >= least) | table[name].is_null()
        _reject(table[name], good, f"at least {least}", where)


def _reject(column: pl.Series, good: pl.Series, expected: str, where: object) -> None:
    bad = (~good).arg_true()
    if len(bad):
        rows = [f"row {i + 1}: {column[int(i)]!r}" for i in bad]
        raise UserError(
            where,
            found=f"column {column.name!r} has {len(bad)} wrong value(s):{listed(rows)}",
            expected=expected,
            cure="correct these rows of the table (row 1 is the first after the header)",
        )


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path

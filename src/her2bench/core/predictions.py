"""The predictions table, the narrow waist: one row a tile, model, seed and fold."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.manifest import SPLITS
from her2bench.core.tables import read_table, require_columns

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
DEFAULTS = {"seed": 0, "fold": 0, "split": "test", "group_id": None}
SIGMOID_TOLERANCE = 1e-3  # float32 and half-precision models round, they do not err more


def as_predictions(table: pl.DataFrame) -> pl.DataFrame:
    """Put our own predictions into the table's columns, types and order."""
    require_columns(table, COLUMNS, "predictions")
    return table.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())


def read_predictions(paths: Iterable[Path]) -> pl.DataFrame:
    """Read and check one or several predictions tables, ours or another tool's.

    Only `model, tile_id, target, probability` are required. What is missing is filled: `seed` 0,
    `fold` 0, `split` "test", `group_id` null (unknown), `logit` from the probability. A group
    known for a tile in one table holds for that tile in all. Further columns are kept.

    Args:
        paths: `.csv` or `.parquet` files; their rows are put one under the other.

    Returns:
        One table with the columns of `COLUMNS` first.

    Raises:
        UserError: a file cannot be read, a column is missing, a value is not of its kind, or a
            tile stands twice for one model, seed, fold and split.
    """
    paths = [Path(path) for path in paths]
    if not paths:
        raise UserError("predictions", found="no file named", expected="at least one table")
    tables = [check_predictions(read_table(path), path) for path in paths]
    if len(tables) == 1:
        return tables[0]
    together = pl.concat(tables, how="diagonal_relaxed")
    return _check_rows(together, ", ".join(map(str, paths)))


def check_predictions(table: pl.DataFrame, where: object = "predictions") -> pl.DataFrame:
    """The checks and defaults of `read_predictions` on a table in memory.

    >>> table = pl.DataFrame({"model": "a", "tile_id": "t1", "target": 1, "probability": 0.5})
    >>> check_predictions(table).row(0)
    ('a', 0, 0, 'test', 't1', None, 1, 0.0, 0.5)
    """
    require_columns(table, REQUIRED, where)
    if table.is_empty():
        raise UserError(where, found="no rows", expected="at least one row", cure="fill the table")
    table = table.with_columns(
        pl.lit(value, dtype=COLUMNS[name]).alias(name)
        for name, value in DEFAULTS.items()
        if name not in table.columns
    )
    table = table.with_columns(_typed(table, name, where) for name in COLUMNS if name != "logit")
    _check_values(table, where)
    table = table.with_columns(_logit(table, where))
    for name in ("score", "tile_score"):
        if name in table.columns:
            table = table.with_columns(_scores(table, name, where))
    extra = [name for name in table.columns if name not in COLUMNS]
    return _check_rows(table.select(*COLUMNS, *extra), where)


def _typed(table: pl.DataFrame, name: str, where: object) -> pl.Series:
    column, dtype = table[name], COLUMNS[name]
    if column.dtype.is_nested():
        _refuse(table, column.is_not_null(), name, "one value a row, no lists", where)
    typed = column.cast(dtype, strict=False)
    if dtype.is_integer() and column.dtype.is_float():
        typed = pl.select(pl.when(column == column.round()).then(typed)).to_series()
    kind = {pl.String: "text", pl.Float64: "a number"}.get(dtype, "a whole number")
    missing_allowed = name == "group_id"
    _refuse(
        table, typed.is_null() & (column.is_not_null() | (not missing_allowed)), name, kind, where
    )
    return typed.alias(name)


def _check_values(table: pl.DataFrame, where: object) -> None:
    _refuse(table, ~table["target"].is_in([0, 1]), "target", "0 or 1", where)
    _refuse(
        table, ~table["split"].is_in(list(SPLITS)), "split", f"one of {', '.join(SPLITS)}", where
    )
    p = table["probability"]
    percent = p.is_finite().all() and float(p.max()) > 1 and float(p.min()) >= 0  # type: ignore[arg-type]
    cure = "divide by 100 if these are percentages" if percent else ""
    bad = ~(p.is_finite() & (p >= 0) & (p <= 1))
    _refuse(table, bad, "probability", "a probability from 0 to 1", where, cure)


def _logit(table: pl.DataFrame, where: object) -> pl.Series:
    """The logit column, checked against the probability; made from it where it is missing."""
    if "logit" not in table.columns or table["logit"].is_null().all():
        return _logit_of(table["probability"])
    logit = _typed(table, "logit", where)
    _refuse(table, ~logit.is_finite(), "logit", "a finite number", where)
    apart = (1 / (1 + (-logit).exp()) - table["probability"]).abs() > SIGMOID_TOLERANCE
    _refuse(
        table,
        apart,
        "logit",
        "probability = 1 / (1 + exp(-logit)), to 0.001",
        where,
        "drop the logit column to have it made from the probability",
    )
    return logit


def _logit_of(probability: pl.Series) -> pl.Series:
    """Finite logits that keep the order of all probabilities, 0 and 1 too.

    A probability of 0 becomes the logit of the least number above 0, a probability of 1 that of
    the number half as far from 1 as the greatest double below it.
    """
    clipped = probability.clip(5e-324, 1.0)
    logit = clipped.log() - (-clipped).log1p()
    return (
        pl.select(pl.when(probability >= 1).then(54 * pl.lit(2.0).log()).otherwise(logit))
        .to_series()
        .alias("logit")
    )


def _scores(table: pl.DataFrame, name: str, where: object) -> pl.Series:
    column = table[name]
    text = column.cast(pl.String).str.strip_chars().str.replace(r"^([0-3])(\.0+|\+)$", "$1")
    bad = ~text.is_in(["0", "1", "2", "3"]) & column.is_not_null()
    _refuse(table, bad, name, "0, 1, 2, 3, 1+, 2+ or 3+", where)
    return text.cast(pl.Int8).alias(name)


def _check_rows(table: pl.DataFrame, where: object) -> pl.DataFrame:
    """What only whole tables can show: repeated tiles, groups that contradict each other."""
    repeated = table.filter(pl.struct(KEY).is_duplicated()).select(KEY).unique(maintain_order=True)
    if len(repeated):
        rows = [
            ", ".join(f"{k} {v!r}" for k, v in row.items())
            for row in repeated.iter_rows(named=True)
        ]
        raise UserError(
            where,
            found=f"{len(repeated)} tile(s) stand twice for one model, seed, fold and split:"
            f"{listed(rows)}",
            expected="one row a tile, model, seed, fold and split",
            cure="drop the repeated rows, or tell them apart by seed or fold",
        )
    if table["group_id"].is_null().all():
        return table
    groups = (
        table.filter(pl.col("group_id").is_not_null())
        .group_by("tile_id")
        .agg(pl.col("group_id").unique())
    )
    torn = groups.filter(pl.col("group_id").list.len() > 1)["tile_id"].sort()
    if len(torn):
        raise UserError(
            where,
            found=f"{len(torn)} tile(s) lie in more than one group:{listed(torn)}",
            expected="one group_id (slide or patient) a tile, the same for every model",
        )
    filled = _fill_groups(table, groups)
    _refuse(
        filled, filled["group_id"].is_null(), "group_id", "a group in every row, or in none", where
    )
    return filled


def _fill_groups(table: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    if not table["group_id"].has_nulls():
        return table
    known = groups.select("tile_id", pl.col("group_id").list.first().alias("_known"))
    filled = table.join(known, on="tile_id", how="left", maintain_order="left")
    return filled.with_columns(pl.col("group_id").fill_null(pl.col("_known"))).drop("_known")


def _refuse(
    table: pl.DataFrame, bad: pl.Series, name: str, expected: str, where: object, cure: str = ""
) -> None:
    rows = bad.fill_null(True).arg_true()
    if not len(rows):
        return
    shown: Sequence[str] = [
        f"row {i + 1}, model {table['model'][i]}, tile {table['tile_id'][i]}: {table[name][i]!r}"
        for i in rows.to_list()[:21]
    ]
    more = f"\n    ... and {len(rows) - 20} more" if len(rows) > 20 else ""
    raise UserError(
        where,
        found=f"column {name!r} has {len(rows)} wrong value(s):{listed(shown[:20])}{more}",
        expected=expected,
        cure=cure or "correct these rows of the table (row 1 is the first after the header)",
    )

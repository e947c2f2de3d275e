"""The rows of predictions tables: each tile once for each run, in one group, of a named model."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.notes import note
from her2bench.core.values import refuse_values

KEY = ("model", "seed", "fold", "split", "tile_id")


def with_model(table: pl.DataFrame, path: Path, name: str | None) -> pl.DataFrame:
    """The table with the model's name: its column, else the name given, else the file's.

    Raises:
        UserError: a name is given for a table of several models.
    """
    if "model" not in table.columns:
        if name is None:
            note(path, f"no column 'model': all rows are of one model, {path.stem!r}")
        return table.with_columns(model=pl.lit(name or path.stem, pl.String))
    models = table["model"].drop_nulls().unique(maintain_order=True).to_list()
    if name is None:
        return table
    if len(models) > 1:
        raise UserError(
            path,
            found=f"{len(models)} models, and one name, {name!r}:{listed(models)}",
            expected="one model in a file that is given a name",
            hint="leave out the name: the column model holds the names",
        )
    return table.with_columns(model=pl.lit(name, pl.String))


def refuse_alike(
    paths: list[Path], tables: list[pl.DataFrame], names: Sequence[str | None]
) -> None:
    """Refuse files of one name that do not say which model they are of."""
    bare = [
        path
        for path, table, name in zip(paths, tables, names, strict=True)
        if name is None and "model" not in table.columns
    ]
    counts = Counter(path.stem for path in bare)
    alike = [path for path in bare if counts[path.stem] > 1]
    if alike:
        raise UserError(
            ", ".join(map(str, alike)),
            found=f"no column 'model', and {len(alike)} files of the name {alike[0].stem!r}",
            expected="a name for each model",
            hint=f"give names, such as old={alike[0]} new={alike[1]}",
        )


def check_rows(table: pl.DataFrame, written: pl.DataFrame, where: object) -> pl.DataFrame:
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
            expected="one row per tile, model, seed, fold and split",
            hint="drop the repeated rows, or distinguish them by seed or fold; where another "
            "column names the model, read it with --columns model=COLUMN",
        )
    if table["group_id"].is_null().all():
        return table
    groups = (
        table.filter(pl.col("group_id").is_not_null())
        .group_by("tile_id")
        .agg(pl.col("group_id").unique())
    )
    mixed = groups.filter(pl.col("group_id").list.len() > 1)["tile_id"].sort()
    if len(mixed):
        raise UserError(
            where,
            found=f"{len(mixed)} tile(s) lie in more than one group:{listed(mixed)}",
            expected="one group_id (slide or patient) per tile, the same for every model",
        )
    filled = _fill_groups(table, groups)
    unknown = filled["group_id"].is_null()
    expected = "a group in every row, or in none"
    refuse_cells(written["group_id"], unknown, expected, filled, where)
    return filled


def _fill_groups(table: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    if not table["group_id"].has_nulls():
        return table
    known = groups.select("tile_id", pl.col("group_id").list.first().alias("_known"))
    filled = table.join(known, on="tile_id", how="left", maintain_order="left")
    return filled.with_columns(pl.col("group_id").fill_null(pl.col("_known"))).drop("_known")


def refuse_cells(
    column: pl.Series,
    bad: pl.Series,
    expected: str,
    table: pl.DataFrame,
    where: object,
    hint: str = "",
) -> None:
    def row_name(row: int) -> str:
        return f"row {row + 1}, model {table['model'][row]}, tile {table['tile_id'][row]}"

    refuse_values(column, bad, expected, where, row_name, hint)

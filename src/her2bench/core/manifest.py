"""The manifest: one row per tile, with its image, its score and, where known, its slide."""

import functools
import os
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.tables import Wanted, read_table, require_columns, write_table
from her2bench.core.values import Refuse, clean_path, clean_text, plain, refuse_rows, typed
from her2bench.core.vocabulary import ENDPOINTS, SCORE_TEXT, SPLITS, binary_endpoint

REGION = ("x", "y", "width", "height")
LABELLED = ("tile_id", "score")
"""Columns that every checked manifest has; `score` may be missing where there is `status`."""
OPTIONAL = ("group_id", "split", "status", "tile_score", *REGION, "mpp")
_LARGEST = 2**31  # pixels
_MEANINGS = {"status": "0 or 1, the confirmed HER2 status, or nothing"}
_LABELS = {"status": "confirmed status, 0 or 1", "score": "score, 0 to 3"}
_OTHERWISE = "correct these rows or, if the column is something else than {}, rename it"
_TYPES = {
    "tile_id": pl.String,
    "group_id": pl.String,
    "split": pl.String,
    "status": pl.Int8,
    "x": pl.Int64,
    "y": pl.Int64,
    "width": pl.Int64,
    "height": pl.Int64,
    "mpp": pl.Float64,
}


def read_manifest(path: Path, also: Iterable[str] = ()) -> pl.DataFrame:
    """Read and check a manifest (`.csv` or `.parquet`).

    Required columns: `path` (relative to the manifest's folder) and `score` (0 to 3; `1+`, `2+`,
    `3+` are read too) or `status`. Optional: `tile_id` (unique text; the path where the column is
    missing), `group_id` (slide or patient),
    `split` (train, val, test), `status` (0 or 1), `tile_score` (the tile's own, as
    `score`), `x y width height` (a region, pixels at full
    resolution), `mpp` (µm/pixel). Further columns of text or numbers are kept. Names of columns
    count in any case and with any spaces; words such as `NA` and `nan` are missing values.

    Args:
        path: the table; where it is a link, paths are relative to the folder the link lies in.
        also: further columns that are used.

    Returns:
        The table, `path` made absolute, `score` as Int8.

    Raises:
        UserError: a column is missing, a value is not of its kind, or a tile_id stands twice.
    """
    path = Path(path)
    wanted = Wanted(("path",), (*LABELLED, *OPTIONAL), tuple(also), together=REGION)
    return check_manifest(read_table(path, wanted), path)


def check_manifest(table: pl.DataFrame, where: Path) -> pl.DataFrame:
    """The checks of `read_manifest` on a table that lies (or will lie) at `where`."""
    require_columns(table, ("path",) if "status" in table.columns else ("path", "score"), where)
    own_ids = "tile_id" in table.columns
    written = table if own_ids else table.with_columns(tile_id=pl.col("path").cast(pl.String))
    table = written

    def refuse(column: pl.Series, bad: pl.Series, expected: str) -> None:
        name = column.name
        hint = _OTHERWISE.format(name) if name in OPTIONAL else ""
        refuse_rows(written[name], bad, _MEANINGS.get(name, expected), where, hint)

    table = table.with_columns(
        *(read_scores(table[n], where) for n in ("score",) if n in table),
        *(read_scores(table[n], where, gaps=True) for n in ("tile_score",) if n in table),
        clean_path(plain(table["path"], where)),
        *(typed(table[n], dtype, where, refuse) for n, dtype in _TYPES.items() if n in table),
    )
    refuse(table["path"], table["path"].str.contains(r"\p{Cc}"), "text without control characters")
    for name in ("path", "tile_id", "group_id", "split"):
        if name in table.columns:
            _no_gaps(table, name, refuse)
    _check_region(table, where, refuse)
    if "mpp" in table.columns:
        refuse(table["mpp"], ~table["mpp"].is_between(0.01, 100), "µm/pixel, from 0.01 to 100")
    _one_of(table, "split", SPLITS, refuse)
    _one_of(table, "status", (0, 1), refuse)
    repeated = table.filter(pl.col("tile_id").is_duplicated())["tile_id"].unique(
        maintain_order=True
    )
    if len(repeated):
        raise UserError(
            where,
            found=f"{len(repeated)} tile_id are in more than one row:{listed(repeated)}",
            expected="each tile_id once",
            hint="make the ids unique, or drop the repeated rows"
            if own_ids
            else "the paths serve as tile_id: add a column tile_id, or drop the repeated rows",
        )
    return table.with_columns(_absolute(table["path"], str(where.absolute().parent)))


def write_manifest(table: pl.DataFrame, path: Path) -> None:
    """Write a manifest whose `path` column is absolute; on disk it is relative to the folder.

    Raises:
        UserError: the table would not pass the checks of `read_manifest`; nothing is written.
    """
    path = Path(path)
    table = check_manifest(table, path)
    folder = str(path.absolute().parent)
    write_table(table.with_columns(_relative(table["path"], folder)), path)


def with_manifest(
    predictions: pl.DataFrame, manifest: pl.DataFrame, columns: Iterable[str] | None = None
) -> pl.DataFrame:
    """Predictions with what the manifest knows of their tiles; their own columns win.

    Args:
        predictions: one row per tile and run, maybe none.
        manifest: one row per tile, maybe without columns.
        columns: those to add where the manifest has them; all by default.
    """
    wanted = dict.fromkeys(manifest.columns if columns is None else columns)
    extra = [n for n in wanted if n in manifest.columns and n not in predictions.columns]
    if not predictions.height or not extra:
        return predictions
    known = manifest.select("tile_id", *extra)
    return predictions.join(known, on="tile_id", how="left", maintain_order="left")


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
    text = clean_text(plain(column, where))
    good = text.str.contains(SCORE_TEXT)
    refuse_rows(column, ~good if gaps else ~good.fill_null(False), expected, where)
    return text.str.extract(SCORE_TEXT).cast(pl.Int8).alias(column.name)


def require_sides(table: pl.DataFrame, where: object) -> None:
    """Refuse a column `split` in which a row names no side, or another than train, val and test."""
    refuse = functools.partial(refuse_rows, where=where)
    _no_gaps(table, "split", refuse)
    _one_of(table, "split", SPLITS, refuse)


def targets(manifest: pl.DataFrame, endpoint: str, where: object = "manifest") -> pl.Series:
    """Each tile's target, Int8 0 or 1, for an endpoint.

    `2+` is score 2 and 3 against 0 and 1 (a laboratory convention, not clinical HER2 status);
    `3+` and `1+` likewise; `status` is the confirmed status; `score` gives the target of `2+`.

    >>> table = pl.DataFrame({"score": [0, 1, 2, 3]})
    >>> targets(table, "2+").to_list()
    [0, 0, 1, 1]
    """
    if endpoint not in ENDPOINTS:
        raise UserError(
            where,
            found=f"endpoint {endpoint!r}",
            expected=f"one of {', '.join(ENDPOINTS)}",
            hint="choose one of these as the endpoint",
        )
    column = "status" if endpoint == "status" else "score"
    if column not in manifest.columns:
        raise UserError(
            where,
            found=f"missing columns: {column} (present: {', '.join(manifest.columns)})",
            expected=f"each tile's {_LABELS[column]}, for the endpoint {endpoint}",
            hint="add the column, or choose the endpoint "
            + ("2+, 3+ or 1+" if column == "status" else "status"),
        )
    if column == "score":
        return (
            (manifest["score"] >= int(binary_endpoint(endpoint)[0])).cast(pl.Int8).alias("target")
        )
    _no_gaps(manifest, "status", functools.partial(refuse_rows, where=where))
    return manifest["status"].cast(pl.Int8).alias("target")


def _no_gaps(table: pl.DataFrame, name: str, refuse: Refuse) -> None:
    if name == "group_id" and table[name].is_null().all():
        return
    refuse(table[name], table[name].is_null(), "a value in every row")


def _one_of(table: pl.DataFrame, name: str, allowed: Iterable, refuse: Refuse) -> None:
    if name in table.columns:
        bad = ~table[name].is_in(list(allowed))
        refuse(table[name], bad, f"one of {', '.join(map(str, allowed))}")


def _check_region(table: pl.DataFrame, where: object, refuse: Refuse) -> None:
    present = [name for name in REGION if name in table.columns]
    if not present:
        return
    require_columns(table, REGION, where)
    known = table.select(pl.sum_horizontal(pl.col(n).is_not_null() for n in REGION)).to_series()
    whole = (known == 0) | (known == 4)
    refuse(table["x"], ~whole, "x, y, width and height all filled, or all empty")
    for name in REGION:
        least = 0 if name in "xy" else 1
        bad = ~table[name].is_between(least, _LARGEST)
        refuse(table[name], bad, f"at least {least} and at most {_LARGEST}")


def _absolute(paths: pl.Series, folder: str) -> pl.Series:
    """Images' paths without `..`; where a link stands before it, as the system follows it."""
    straight = functools.cache(_straight)
    parts = [os.path.split(os.path.join(folder, path)) for path in paths]  # noqa: PTH118 (fast)
    return pl.Series("path", [os.path.join(straight(a), b) for a, b in parts])  # noqa: PTH118


def _straight(folder: str) -> str:
    plain, real = os.path.normpath(folder), os.path.realpath(folder)
    return plain if os.path.realpath(plain) == real else real


def _relative(paths: pl.Series, folder: str) -> pl.Series:
    """The ways from the folder to images as the system goes them, and never like a formula."""
    way = functools.cache(functools.partial(_way, folder=folder))
    parts = [os.path.split(path) for path in paths]
    found = [Path(way(place), name).as_posix() for place, name in parts]
    return pl.Series("path", [f"./{path}" if path[0] in "=+-@" else path for path in found])


def _way(place: str, folder: str) -> str:
    real = os.path.realpath(place)
    try:
        for start in (folder, os.path.realpath(folder)):
            way = os.path.relpath(place, start)
            if os.path.realpath(Path(folder, way)) == real:
                return way
        return os.path.relpath(real, os.path.realpath(folder))
    except ValueError:  # another drive on Windows
        return place

"""Reading and writing tables, CSV or Parquet by their ending, with the names they must have."""

import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, nearest
from her2bench.core.files import reading, replacing

_CURES = {
    ".csv": "save it as CSV in UTF-8: a header line, then rows of as many values as the header has",
    ".parquet": "it is damaged or no Parquet: write it again, or save the table as CSV",
}


def read_table(path: Path) -> pl.DataFrame:
    """Read a `.csv` (comma, semicolon or tab; a byte-order mark is fine) or `.parquet` table.

    In a CSV every column stays text unless all its values are whole or decimal numbers;
    `tile_id`, `group_id` and `path` stay text always, so that an id 007 keeps its zeros.

    Raises:
        UserError: no such file, another ending, unreadable, or no rows.
    """
    path = Path(path)
    with reading(path):
        _refuse_other_files(path)
    try:
        with reading(path):
            table = _read_csv(path) if path.suffix.lower() == ".csv" else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise UserError(
            path,
            found=f"cannot be read as a table ({_first_line(error)})",
            expected="a table",
            cure=_CURES[path.suffix.lower()],
        ) from error
    if table.is_empty():
        raise UserError(path, found="no rows", expected="at least one row", cure="fill the table")
    return table


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as `.csv` or `.parquet`, whole or not at all."""
    with replacing(Path(path)) as temporary:
        if path.suffix.lower() == ".csv":
            table.write_csv(temporary)
        else:
            table.write_parquet(temporary)


def require_columns(table: pl.DataFrame, required: Iterable[str], where: object) -> None:
    """Raise a UserError that lists the missing columns, each with the nearest one present."""
    missing = [name for name in required if name not in table.columns]
    if missing:
        hints = [f"{name} {nearest(name, table.columns)}".strip() for name in missing]
        raise UserError(
            where,
            found=f"missing columns: {'; '.join(hints)} (present: {', '.join(table.columns)})",
            expected=f"at least the columns {', '.join(required)}",
            cure="rename or add the columns",
        )


def _refuse_other_files(path: Path) -> None:
    """Folders, files of another ending, and files that are not there."""
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in _CURES)
        named = f", such as {path / inside[0]}" if inside else ""
        raise UserError(
            path, found="a folder", expected="a table", cure=f"name the table's own file{named}"
        )
    if path.suffix.lower() not in _CURES:
        raise UserError(
            path,
            found=f"ending {path.suffix!r}",
            expected=".csv or .parquet",
            cure="save the table as CSV or Parquet, and name that file",
        )
    if not path.is_file():
        raise UserError(path, found="no such file", cure="check the path")


def _read_csv(path: Path) -> pl.DataFrame:
    text = path.read_bytes().decode("utf-8-sig")
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    table = pl.read_csv(
        io.StringIO(text), separator=separator, infer_schema=False, null_values=[""]
    )
    kept_text = {"tile_id", "group_id", "path", "score"}
    return table.with_columns(
        _as_numbers(table[name]) for name in table.columns if name not in kept_text
    )


def _as_numbers(column: pl.Series) -> pl.Series:
    present = column.is_not_null().sum()
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.str.strip_chars().cast(dtype, strict=False)
        if present and numbers.is_not_null().sum() == present:
            return numbers
    return column


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

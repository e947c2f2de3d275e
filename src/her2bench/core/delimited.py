"""CSV as text: from spreadsheets and other tools, and safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError
from her2bench.core.values import decimal_points, folded

SEPARATORS = ",;\t"
HINT = "save it as CSV in UTF-8: a header line, then rows of as many values as the header has"
KEPT_TEXT = ("model", "tile_id", "group_id", "path", "split", "score", "tile_score")
"""Columns that are never numbers: an id 1,1 stays what it is."""
_START = "['\\s]*[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"  # of a formula, also in full width
_FORMULA = f"^{_START}"
_GUARDED = f"^'({_START})"
_NUMBER = r"^[+-]?\d+(\.\d*)?$"


def read_csv(path: Path, numbers: Collection[str] = ()) -> tuple[list[str], pl.DataFrame]:
    """Names as they stand in the header, and the columns, named "0", "1", … in order.

    All are text as it stands there, so that a site 1.10 is not 1.1; in those of `numbers` (names
    in any case and spelling) decimal commas become points where the comma separates no columns.

    Read are UTF-8 and UTF-16 with a byte-order mark; comma, semicolon and tab; any line ends; a
    first line such as `sep=;`; empty rows at the end. Cells guarded by `guarded` come back as they
    were.

    Raises:
        UserError: another encoding, or bytes that are no text.
        polars.exceptions.PolarsError: no CSV.
    """
    text = _decoded(path.read_bytes(), path)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    separator, text = _separator(text.lstrip("\n"))
    names = _header(text, separator, path)
    _refuse_row_names(text, separator, path)
    table = pl.read_csv(
        io.BytesIO(text.encode()), separator=separator, infer_schema=False, null_values=[""]
    )
    table.columns = [str(place) for place in range(table.width)]
    pointed = {folded(name) for name in numbers if separator != ","}
    columns = [
        _cells(table[str(place)], folded(name) in pointed) for place, name in enumerate(names)
    ]
    filled = table.select(pl.any_horizontal(pl.all().is_not_null()))
    last = filled.to_series().arg_true().max() if table.height and table.width else None
    rows = 0 if last is None else int(last) + 1  # type: ignore[arg-type]
    return names, pl.DataFrame(columns).head(rows)


def guarded(table: pl.DataFrame) -> pl.DataFrame:
    """The table with an apostrophe before each text that a spreadsheet would run as a formula.

    Spreadsheets take the apostrophe for "this is text"; `read_csv` takes it away again.

    Source: OWASP, "CSV injection".

    >>> guarded(pl.DataFrame({"a": ["=1+1", "2+", "-3"]}))["a"].to_list()
    ["'=1+1", '2+', '-3']
    """
    text = [name for name, dtype in table.schema.items() if dtype == pl.String]
    table = table.with_columns(_guarded(table[name]) for name in text)
    names = _guarded(pl.Series(table.columns, dtype=pl.String))
    return table.rename(dict(zip(table.columns, names, strict=True)))


def _guarded(text: pl.Series) -> pl.Series:
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    marked = pl.select(pl.when(runs).then("'" + text).otherwise(text)).to_series()
    return marked.alias(text.name)


def _cells(column: pl.Series, pointed: bool) -> pl.Series:
    text = column.str.replace(_GUARDED, "$1").str.strip_chars()
    text = text.set(text == "", None)
    return decimal_points(text) if pointed else text


def _decoded(data: bytes, path: Path) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(
            path, f"line {line} is not {encoding.upper().removesuffix('-SIG')}"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _refused(path, f"line {line} holds a zero byte (UTF-16 without a mark, or no text)")
    return text


def _refused(path: Path, found: str) -> UserError:
    return UserError(
        path,
        found=f"cannot be read as a table ({found})",
        expected="a table",
        hint=HINT,
    )


def _separator(text: str) -> tuple[str, str]:
    """The separator that the first line names or holds most of outside quotes, and the rest."""
    first, _, rest = text.partition("\n")
    named = re.fullmatch(r'"?sep=(.)"?[;,\t ]*', first.strip(" "), re.IGNORECASE)
    if named:
        return named[1], rest.lstrip("\n")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count), text


def _refuse_row_names(text: str, separator: str, path: Path) -> None:
    """A header that has no name for its first column, which holds the rows' names."""
    with suppress(csv.Error):
        header, row, *_ = *islice(csv.reader(io.StringIO(text), delimiter=separator), 2), [], []
        if header and len(row) == len(header) + 1 and row[-1]:
            raise UserError(
                path,
                found=f"{len(row)} values in the first row, and {len(header)} names in the header",
                expected="a name for each value",
                hint="leave out the names of rows, in R by write.table(..., row.names = FALSE), "
                "or give their column a name",
            )


def _header(text: str, separator: str, path: Path) -> list[str]:
    try:
        names = next(csv.reader(io.StringIO(text), delimiter=separator), [])
    except csv.Error as error:
        raise _refused(path, f"its header: {error}") from error
    if len(names) == 1 and any(names[0].count(mark) > 1 for mark in SEPARATORS):
        raise _refused(path, "whole lines stand in quotes, so that there is one column only")
    return [re.sub(_GUARDED, r"\1", name) for name in names]

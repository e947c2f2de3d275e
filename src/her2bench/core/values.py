"""What stands in a table's cells: text, numbers, and what is missing."""

import re
from collections.abc import Callable

import polars as pl

from her2bench.core.errors import UserError, listed, shown

MISSING = ("", "nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none", "nil")
"""Words that mean "no value", in lower case: those of pandas, R, SQL, Python and spreadsheets."""
INVISIBLE = r"[\p{Cf}\x{FE00}-\x{FE0F}\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]"
"""Characters that nobody sees: byte-order marks, zero-width and direction marks, empty letters."""
_CLASSES = {"true": "1", "positive": "1", "pos": "1", "false": "0", "negative": "0", "neg": "0"}
Refuse = Callable[[pl.Series, pl.Series, str], None]
"""Raises a UserError where the second, (n,) Boolean, is true; the third says what is expected."""


def is_plain(dtype: pl.DataType) -> bool:
    """Whether a column holds text or numbers; not lists, times, bytes or objects.

    >>> is_plain(pl.String()), is_plain(pl.List(pl.String()))
    (True, False)
    """
    return dtype.is_numeric() or dtype in (
        pl.String,
        pl.Boolean,
        pl.Categorical,
        pl.Enum,
        pl.Null,
    )


def require_plain(name: str, dtype: pl.DataType, where: object) -> None:
    """Refuse a column of a type that is neither text nor numbers."""
    if not is_plain(dtype):
        raise UserError(
            where,
            found=f"column {name!r} is of type {dtype}",
            expected="text or numbers, one value a row",
            hint="convert the column to text or numbers",
        )


def plain(column: pl.Series, where: object) -> pl.Series:
    """A column as text, whole numbers, Float64 or Boolean, with NaN as missing.

    A number of less than double precision is read by its decimal digits: what was 0.3 there is
    0.3 here, so that it lies at a threshold of 0.3 and not a hair above.
    """
    require_plain(column.name, column.dtype, where)
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if column.dtype.is_decimal():
        return column.cast(pl.Float64)
    if column.dtype.is_float() and column.dtype != pl.Float64:
        column = column.cast(pl.Float32).cast(pl.String).cast(pl.Float64)
    return column.fill_nan(None) if column.dtype.is_float() else column


def typed(
    column: pl.Series, dtype: pl.DataType | type[pl.DataType], where: object, refuse: Refuse
) -> pl.Series:
    """A column as clean text, Int8, Int64 or Float64; null where a value is missing.

    Int8 is a class: true, positive and pos are 1, false, negative and neg are 0, in any case.
    """
    values = plain(column, where)
    if dtype == pl.String:
        text = clean_text(values)
        refuse(column, text.str.contains(r"\p{Cc}"), "text without control characters")
        return text
    if values.dtype == pl.String:
        values = _without_missing(values.str.replace_all(INVISIBLE, "").str.strip_chars())
        values = _class_numbers(values) if dtype == pl.Int8 else values
    numbers = values.cast(pl.Float64, strict=False)
    if dtype == pl.Float64:
        refuse(column, values.is_not_null() & numbers.is_null(), "a number")
        return numbers
    rounded = numbers.round()
    whole = pl.select(pl.when(numbers == rounded).then(rounded)).to_series()
    whole = whole.cast(dtype, strict=False)
    words = "0 or 1, true or false, positive or negative"
    expected = words if dtype == pl.Int8 else "a whole number"
    refuse(column, values.is_not_null() & whole.is_null(), expected)
    return whole.alias(column.name)


def _class_numbers(text: pl.Series) -> pl.Series:
    """Words for the two classes as numbers; other text as it is."""
    words = text.str.to_lowercase()
    known = words.is_in(list(_CLASSES))
    return pl.select(pl.when(known).then(words.replace(_CLASSES)).otherwise(text)).to_series()


def clean_text(column: pl.Series) -> pl.Series:
    """Text stripped of white space and of characters that nobody sees; null where missing.

    >>> clean_text(pl.Series(["\\ufeffs1 ", "s\\u200b1", "NA"])).to_list()
    ['s1', 's1', None]
    """
    text = column.cast(pl.String).str.normalize("NFC").str.replace_all(INVISIBLE, "")
    return _without_missing(text.str.replace_all(r"\p{Zs}", " ").str.strip_chars())


def clean_path(column: pl.Series) -> pl.Series:
    """Paths stripped at their ends only: inside, a file's name is what it is."""
    ends = rf"^(?:\s|{INVISIBLE})+|(?:\s|{INVISIBLE})+$"
    return _without_missing(column.cast(pl.String).str.replace_all(ends, ""))


def clean_name(name: str) -> str:
    """A column's name without white space at its ends and characters that nobody sees."""
    return clean_text(pl.Series([f"{name}|"]))[0].removesuffix("|").strip()


def folded(name: str) -> str:
    """A name by its letters and digits alone, in lower case: `Group ID ` is `group_id`.

    >>> folded("Group ID "), folded("group_id")
    ('groupid', 'groupid')
    """
    return re.sub(r"[\W_]+", "", name).casefold()


def refuse_rows(
    column: pl.Series, bad: pl.Series, expected: str, where: object, hint: str = ""
) -> None:
    """Raise a UserError that lists the rows where `bad` is true, if there are any."""
    refuse_values(column, bad, expected, where, lambda row: f"row {row + 1}", hint)


def refuse_values(
    column: pl.Series,
    bad: pl.Series,
    expected: str,
    where: object,
    row_name: Callable[[int], str],
    hint: str = "",
) -> None:
    """As `refuse_rows`, with what a row is called."""
    rows = bad.fill_null(False).arg_true().to_list()
    if rows:
        values = [f"{row_name(row)}: {_written(column[row])}" for row in rows[:20]]
        more = [f"... and {len(rows) - 20} more"] if len(rows) > 20 else []
        raise UserError(
            where,
            found=f"column {column.name!r} has {len(rows)} wrong value(s):"
            f"{listed([*values, *more], 21)}",
            expected=expected,
            hint=hint or "correct these rows of the table (row 1 is the first after the header)",
        )


def _written(value: object) -> str:
    return "nothing" if value is None else shown(value)


def decimal_points(text: pl.Series) -> pl.Series:
    """Numbers with a decimal comma written with a point; other text as it is.

    >>> decimal_points(pl.Series(["0,5", "1", "a,b"])).to_list()
    ['0.5', '1', 'a,b']
    """
    return text.str.replace(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$", "$1.$2")


def _without_missing(text: pl.Series) -> pl.Series:
    missing = text.str.to_lowercase().is_in(MISSING)
    return pl.select(pl.when(~missing).then(text)).to_series().alias(text.name)

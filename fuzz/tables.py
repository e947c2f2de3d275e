"""Tables with odd columns, types, cells and bytes, as CSV and as Parquet."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import polars as pl

from fuzz.mutation import mutated, name, number, text

Columns = dict[str, list[object]]
_SHARES = {"cell": 0.04, "cells": 0.1, "all": 1.0}  # of a column's cells that change
_SEPARATORS = (*",,,,,,,;;\t", "|", ":")
_ENCODINGS = (*("utf-8",) * 20, "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252")


def odd_table(columns: Columns, rng: Random) -> tuple[str, bytes]:
    """The ending and the bytes of a table made from `columns`, changed at random."""
    if rng.random() < 0.5:
        changed = odd_columns(columns, rng)
        return ".csv", _bytes(_csv(changed, rng), rng, 0.2)
    return ".parquet", _bytes(odd_parquet(columns, rng), rng, 0.3)


def odd_columns(columns: Columns, rng: Random) -> Columns:
    """The columns with up to three changes of names, cells and rows."""
    columns = {key: list(values) for key, values in columns.items()}
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        key = rng.choice(list(columns))
        change = rng.choice(
            ("name", "drop", "cell", "cell", "cells", "all", "rows", "order", "add", "add")
        )
        if change == "name":
            columns = {name(k, rng) if k == key else k: v for k, v in columns.items()}
        elif change == "drop" and len(columns) > 1:
            del columns[key]
        elif change in _SHARES:
            cells, share = columns[key], _SHARES[change]
            columns[key] = [_cell(rng) if rng.random() < share else cell for cell in cells]
        elif change == "rows":
            columns = _rows(columns, rng)
        elif change == "order":
            columns = dict(rng.sample(list(columns.items()), len(columns)))
        elif change == "add":
            columns[name(key, rng)] = [_cell(rng) for _ in columns[key]]
    return columns


def odd_parquet(columns: Columns, rng: Random) -> bytes:
    """A Parquet file of the columns, some of them of a type that no table should have."""
    changed = odd_columns(columns, rng) if rng.random() < 0.6 else columns
    series = [_series(key, values) for key, values in changed.items()]
    for _ in range(rng.choice((0, 1, 1, 2))):
        i = rng.randrange(len(series))
        series[i] = _odd_type(series[i], rng)
    return _parquet(pl.DataFrame(series), rng)


def _bytes(data: bytes, rng: Random, share: float) -> bytes:
    return mutated(data, rng) if rng.random() < share else data


def _cell(rng: Random) -> object:
    return rng.choice((None, text(rng), text(rng), number(rng)))


def _rows(columns: Columns, rng: Random) -> Columns:
    height = len(next(iter(columns.values())))
    wanted = rng.choice(
        ([], [0], list(range(height)) * 2, [*range(height), 0], rng.sample(range(height), height))
    )
    return {key: [values[i] for i in wanted if i < len(values)] for key, values in columns.items()}


def _csv(columns: Columns, rng: Random) -> bytes:
    separator, end = rng.choice(_SEPARATORS), rng.choice(("\n",) * 8 + ("\r\n", "\r"))
    lines = [list(columns), *zip(*columns.values(), strict=True)]
    quoted = rng.random() < 0.3
    out = [separator.join(_quoted(cell, separator, quoted) for cell in line) for line in lines]
    if rng.random() < 0.1:  # a ragged row, empty rows, a line of a spreadsheet's own
        out.insert(rng.randrange(len(out) + 1), rng.choice(("", separator * 3, "a", "sep=;", '"')))
    out += rng.choice(([], [], [""], [separator * (len(columns) - 1)] * 3))
    if rng.random() < 0.1:
        out = [line.replace(".", ",") for line in out]
    return end.join(out).encode(rng.choice(_ENCODINGS), "replace")


def _quoted(cell: object, separator: str, always: bool) -> str:
    shown = "" if cell is None else str(cell)
    if always or any(sign in shown for sign in (separator, '"', "\n", "\r")):
        return '"' + shown.replace('"', '""') + '"'
    return shown


def _series(key: str, values: list[object]) -> pl.Series:
    key = key.encode("utf-8", "replace").decode()
    clean = [v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values]
    kinds = {type(v) for v in clean if v is not None}
    if len(kinds) > 1 and str in kinds:
        clean = [None if v is None else str(v) for v in clean]
    return pl.Series(key, clean, strict=False)


def _odd_type(series: pl.Series, rng: Random) -> pl.Series:
    """The same column as another type: by a cast where there is one, else with values made up."""
    key, rows = series.name, len(series)
    dtype = rng.choice(_CASTS)
    if rng.random() < 0.5:
        try:
            return series.cast(dtype, strict=False)
        except (pl.exceptions.PolarsError, ValueError):
            pass
    made = rng.choice(_VALUES)
    values = [None if rng.random() < 0.2 else made(rng) for _ in range(rows)]
    return pl.Series(key, values, strict=False)


_CASTS = (
    *(pl.Int8, pl.UInt8, pl.Int32, pl.Int64, pl.UInt64, pl.Int128, pl.Float32, pl.Float64),
    *(pl.Boolean, pl.String, pl.Binary, pl.Null, pl.Categorical, pl.Enum(["0", "1", "2", "3"])),
    *(pl.Decimal(10, 2), pl.Decimal(38, 0), pl.Date, pl.Time, pl.Datetime("ns", "Europe/Berlin")),
    *(pl.Duration("us"), pl.List(pl.String), pl.List(pl.Int64), pl.Array(pl.Float64, 1)),
)
_VALUES = (
    lambda rng: rng.randbytes(4),
    lambda rng: rng.choice((float("nan"), float("inf"), -0.0, 1e308, 5e-324, 0.5)),
    lambda rng: rng.choice((2**63, 2**64 - 1, 0)),
    lambda rng: Decimal("1.50"),
    lambda rng: timedelta(seconds=rng.randrange(10)),
    lambda rng: date(1 + rng.randrange(9000), 1, 1),
    lambda rng: datetime(2024, 1, 1 + rng.randrange(28)),
    lambda rng: time(rng.randrange(24)),
    lambda rng: rng.random() < 0.5,
    lambda rng: [text(rng).encode("utf-8", "replace").decode()],
    lambda rng: {"a": rng.randrange(3), "b": [1.0]},
    lambda rng: [[rng.randrange(4)], []],
    lambda rng: rng.randrange(4),
)


def _parquet(table: pl.DataFrame, rng: Random) -> bytes:
    stream = io.BytesIO()
    how = rng.choice(("uncompressed", "snappy", "zstd", "gzip", "lz4"))
    try:
        table.write_parquet(stream, compression=how, statistics=rng.random() < 0.5)
    except pl.exceptions.PolarsError:  # a type that Parquet does not hold
        stream = io.BytesIO()
        table.select(pl.exclude(pl.Null, pl.Int128)).head(3).clear().write_parquet(stream)
    return stream.getvalue()

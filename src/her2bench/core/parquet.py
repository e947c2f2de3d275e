"""The sizes that a Parquet file declares, checked before memory is allocated for them."""

import mmap
from pathlib import Path
from typing import Any

from her2bench.core.thrift import Struct, read_struct

MARK = b"PAR1"
ROWS_A_BYTE = 2000  # a column that holds one value throughout takes next to nothing
MOST_UNPACKED = 2**32
UNPACKED_A_BYTE = 200

# Numbers of the fields, as parquet.thrift gives them.
_ROWS, _GROUPS = 3, 4
_CHUNKS, _GROUP_ROWS = 1, 3
_CHUNK = 3
_PATH, _VALUES, _UNPACKED, _PACKED, _DATA_AT, _DICTIONARY_AT = 3, 5, 6, 7, 9, 11
_PAGE_UNPACKED, _PAGE_PACKED = 2, 3
_DATA, _DICTIONARY, _DATA_2 = 5, 7, 8


def check_parquet(path: Path) -> None:
    """Refuse a file that declares impossible sizes.

    A reader allocates memory for as many rows and bytes as a file declares; a flipped bit in
    such a number ends the whole process. Only columns of single values are looked into.

    Raises:
        ValueError: it is no Parquet, is cut, or names more rows or bytes than it can hold.

    Source: the Parquet format, https://parquet.apache.org/docs/file-format/.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _check(data)


def _check(data: mmap.mmap) -> None:
    size = len(data)
    _require(size > 12 and data[:4] == MARK and data[-4:] == MARK, "no Parquet, or only a part")
    length = int.from_bytes(data[-8:-4], "little")
    _require(length <= size - 12, "its footer is longer than the file")
    footer, _ = read_struct(data, size - 8 - length)
    rows, groups = _number(footer, _ROWS), _structs(footer, _GROUPS)
    _require(rows <= size * ROWS_A_BYTE, f"it names {rows} rows in {size} bytes")
    _require(rows == sum(_number(g, _GROUP_ROWS) for g in groups), "its numbers of rows disagree")
    unpacked = 0
    for group in groups:
        for entry in _structs(group, _CHUNKS):
            chunk = entry.get(_CHUNK)
            if not isinstance(chunk, dict):
                raise ValueError("damaged: a column without a description")
            unpacked += _number(chunk, _UNPACKED)
            path = chunk.get(_PATH)
            if isinstance(path, list) and len(path) == 1:
                _require(_number(chunk, _VALUES) == _number(group, _GROUP_ROWS), "rows disagree")
                _check_pages(data, chunk)
    most = max(MOST_UNPACKED, size * UNPACKED_A_BYTE)
    _require(unpacked <= most, f"it names {unpacked} bytes of content in {size}")


def _check_pages(data: mmap.mmap, chunk: Struct) -> None:
    """The pages of a column follow one another and hold as many values as the column."""
    starts = [chunk.get(field) for field in (_DICTIONARY_AT, _DATA_AT)]
    at = min((start for start in starts if type(start) is int and start), default=0)
    end = at + _number(chunk, _PACKED)
    _require(4 <= at <= end <= len(data), "a column lies outside the file")
    left = _number(chunk, _VALUES)
    while at < end:
        page, at = read_struct(data, at)
        at += _number(page, _PAGE_PACKED)
        _require(at <= end, "a page is longer than its column")
        _require(
            _number(page, _PAGE_UNPACKED) <= _number(chunk, _UNPACKED),
            "a page unpacks to more than its column",
        )
        held = page.get(_DATA) or page.get(_DATA_2)
        left -= _number(held, 1) if isinstance(held, dict) else 0
        words = page.get(_DICTIONARY)
        _require(
            not isinstance(words, dict) or _number(words, 1) <= _number(page, _PAGE_UNPACKED),
            "a dictionary holds more values than bytes",
        )
    _require(left == 0, "pages and column differ in their numbers of values")


def _number(struct: Struct, field: int) -> int:
    value = struct.get(field)
    _require(type(value) is int and value >= 0, "a number is missing or negative")
    return value  # type: ignore[return-value]


def _structs(struct: Struct, field: int) -> list[Struct]:
    found: Any = struct.get(field)
    _require(
        isinstance(found, list) and all(isinstance(item, dict) for item in found),
        "a list is missing",
    )
    return found


def _require(good: bool, why: str) -> None:
    if not good:
        raise ValueError(f"damaged: {why}")

"""The compact Thrift encoding, as far as the descriptions inside Parquet files use it."""

import mmap
from typing import Any

Struct = dict[int, Any]
Data = bytes | mmap.mmap
DEEPEST = 20
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)


def read_struct(data: Data, at: int, depth: int = 0) -> tuple[Struct, int]:
    """A struct as field number → value (maps are unknown to Parquet), and where it ends.

    Raises:
        ValueError: the bytes are no such struct.

    Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.

    >>> read_struct(bytes([0x15, 0x06, 0x18, 0x01, 0x61, 0x00]), 0)
    ({1: 3, 2: b'a'}, 6)
    """
    struct: Struct = {}
    field = 0
    while True:
        head, at = _byte(data, at)
        if head == 0:
            return struct, at
        kind, step = head & 15, head >> 4
        if step:
            field += step
        else:
            field, at = _integer(data, at)
        if kind in (_TRUE, _FALSE):
            struct[field] = kind == _TRUE
        else:
            struct[field], at = _value(data, at, kind, depth)


def _value(data: Data, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise ValueError("damaged: its description is too deep")
    if kind in _INTEGERS:
        return _integer(data, at)
    if kind in (_TRUE, _FALSE, _BYTE):  # in a list a Boolean takes a byte
        return _byte(data, at)
    if kind == _STRUCT:
        return read_struct(data, at, depth + 1)
    if kind in (_LIST, _SET):
        return _list(data, at, depth)
    if kind not in (_BINARY, _DOUBLE):
        raise ValueError("damaged: its description cannot be read")
    length, at = _varint(data, at) if kind == _BINARY else (8, at)
    _within(data, at + length)
    return data[at : at + length], at + length


def _list(data: Data, at: int, depth: int) -> tuple[list[Any], int]:
    head, at = _byte(data, at)
    kind, count = head & 15, head >> 4
    if count == 15:
        count, at = _varint(data, at)
    _within(data, at + count)
    items = []
    for _ in range(count):
        item, at = _value(data, at, kind, depth + 1)
        items.append(item)
    return items, at


def _integer(data: Data, at: int) -> tuple[int, int]:
    number, at = _varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(data: Data, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte, at = _byte(data, at)
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError("damaged: a number is too long")


def _byte(data: Data, at: int) -> tuple[int, int]:
    _within(data, at + 1)
    return data[at], at + 1


def _within(data: Data, end: int) -> None:
    if end > len(data):
        raise ValueError("damaged: its description is cut")

"""Parquet tables of odd types, damaged or forged: refused by name."""

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.predictions import read_predictions
from her2bench.core.tables import Wanted, read_table

ODD = {
    "list": pl.Series([[1], [2]]),
    "struct": pl.Series([{"a": 1}, {"a": 2}]),
    "binary": pl.Series([b"a", b"\xff"]),
    "duration": pl.Series([1, 2]).cast(pl.Duration),
    "date": pl.Series([1, 2]).cast(pl.Date),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_types_are_refused_where_they_are_used_and_passed_over_elsewhere(tmp_path, kind):
    table = pl.DataFrame({"tile_id": ["a", "b"], "further": ODD[kind]})
    path = tmp_path / "t.parquet"
    table.write_parquet(path)
    assert read_table(path, Wanted(("tile_id",))).columns == ["tile_id"]
    with pytest.raises(UserError, match="column 'further' is of type"):
        read_table(path, Wanted(("tile_id",), ("further",)))


def read_parquet(tmp_path, content: bytes) -> pl.DataFrame:
    path = tmp_path / "p.parquet"
    path.write_bytes(content)
    return read_predictions([path])


def parquet(tmp_path) -> bytes:
    path = tmp_path / "whole.parquet"
    pl.DataFrame(
        {
            "model": ["a"] * 40,
            "tile_id": [f"t{i}" for i in range(40)],
            "target": [0, 1] * 20,
            "probability": [i / 40 for i in range(40)],
        }
    ).write_parquet(path)
    return path.read_bytes()


@pytest.mark.slow
def test_damaged_parquet_is_named_whatever_byte_is_wrong(tmp_path):
    whole = parquet(tmp_path)
    length = int.from_bytes(whole[-8:-4], "little")
    footer = range(len(whole) - 8 - length, len(whole), 15)
    refused = 0
    for place in (*range(0, len(whole) - length, 80), *footer):
        for wrong in (b"\xff\xff\xff\xff\x7f", bytes([whole[place] ^ 2])):
            content = whole[:place] + wrong + whole[place + len(wrong) :]
            try:
                read_parquet(tmp_path, content)
            except UserError as error:
                assert "p.parquet" in str(error)
                refused += 1
    assert refused > len(footer)


def test_a_forged_number_of_rows_is_refused_before_room_is_made(tmp_path):
    whole = parquet(tmp_path)
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    at = whole.index(b"\x16\x50", start)  # num_rows: i64, 40 in zigzag
    forged = whole[: at + 1] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[at + 2 :]
    longer = (len(forged) - 8 - start).to_bytes(4, "little")
    with pytest.raises(UserError, match="damaged: it names 4611686018427387903 rows"):
        read_parquet(tmp_path, forged[:-8] + longer + b"PAR1")


@pytest.mark.parametrize("kind", [0x19, 0x1C])  # a list of one list, a struct in a struct
def test_a_description_nested_without_end_is_damaged(kind):
    from her2bench.core.thrift import read_struct

    with pytest.raises(ValueError, match="too deep"):
        read_struct(bytes([kind]) * 5000, 0)

"""CSV with row names, and text that a spreadsheet would run."""

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.predictions import read_predictions
from her2bench.core.tables import read_table, write_table

R_TABLE = 'model{0}tile_id{0}target{0}probability\n"1"{0}a{0}t1{0}1{0}0.9\n"2"{0}a{0}t2{0}0{0}0.2\n'


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_names_of_rows_without_a_name_of_their_own_are_named(tmp_path, separator):
    path = tmp_path / "p.csv"
    path.write_text(R_TABLE.format(separator), encoding="utf-8")
    with pytest.raises(UserError, match="5 values in the first row, and 4 names") as error:
        read_predictions([path])
    assert "row.names = FALSE" in error.value.hint


def test_names_of_rows_with_an_empty_name_are_passed_over(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text('"",' + R_TABLE.format(","), encoding="utf-8")
    assert read_predictions([path])["tile_id"].to_list() == ["t1", "t2"]


@pytest.mark.parametrize("start", ["\t", "\r", "\n", "=", "+", "-", "@", "＝", "＋", "－", "＠"])
def test_every_start_of_a_formula_is_guarded_in_cells_and_header(tmp_path, start):
    path = tmp_path / "t.csv"
    write_table(pl.DataFrame({"a": ["x"], f"{start}cmd": [f"{start}1+cmd"]}), path)
    written = pl.read_csv(path)
    assert written.columns[1] == f"'{start}cmd" and written.item(0, 1) == f"'{start}1+cmd"
    back = read_table(path)
    assert back.columns == ["a", f"{start}cmd".strip()]
    assert back.item(0, 1) == f"{start}1+cmd".strip()

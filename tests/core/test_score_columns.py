"""Predictions with the probabilities of the four scores: what is read, made and refused."""

import re

import numpy as np
import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS, binary_columns
from her2bench.core.predictions import as_predictions, check_predictions, read_predictions
from her2bench.core.score_columns import at_endpoint, cut_of

ROWS = {
    "tile_id": ["t1", "t2", "t3", "t4"],
    "group_id": ["s1", "s1", "s2", "s2"],
    "score": ["0", "1+", "2+", "3+"],
    "p0": [0.7, 0.2, 0.1, 0.0],
    "p1": [0.2, 0.5, 0.1, 0.1],
    "p2": [0.1, 0.2, 0.5, 0.2],
    "p3": [0.0, 0.1, 0.3, 0.7],
}


def table(**columns) -> pl.DataFrame:
    return pl.DataFrame({"model": ["a"] * 4} | ROWS | columns)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_another_tools_table_needs_neither_target_nor_probability(tmp_path, ending):
    path = tmp_path / f"theirs.{ending}"
    rows = table().drop("model")
    rows.write_csv(path) if ending == "csv" else rows.write_parquet(path)
    read = read_predictions([path])
    assert read["model"].unique().to_list() == ["theirs"]
    assert read["score"].to_list() == [0, 1, 2, 3]
    assert read["target"].to_list() == [0, 0, 1, 1]
    assert read["probability"].to_list() == pytest.approx([0.1, 0.3, 0.8, 0.9])
    expected = np.log(np.array([0.1, 0.3, 0.8, 0.9]) / np.array([0.9, 0.7, 0.2, 0.1]))
    assert read["logit"].to_list() == pytest.approx(expected)
    assert as_predictions(read).columns[-5:] == ["score", *SCORE_COLUMNS]


def test_sums_near_1_are_divided_out():
    read = check_predictions(table(p3=[0.0, 0.1004, 0.2996, 0.7]))
    sums = read.select(pl.sum_horizontal(SCORE_COLUMNS)).to_series()
    assert sums.to_list() == pytest.approx([1] * 4, abs=1e-15)


def test_a_hair_beyond_0_and_1_is_rounding():
    read = check_predictions(table(p0=[0.7, 0.2, 0.1, -1e-8], p3=[1e-8, 0.1, 0.3, 0.7]))
    assert read["p0"].to_list()[3] == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"p3": [0.0, 0.1, 0.7, 0.7]}, r"p0 \+ p1 \+ p2 \+ p3.*row 3, model a, tile t3: 1\.4"),
        ({"p1": [0.2, 0.5, 1.1, 0.1]}, r"'p1'.*row 3.*1\.1"),
        ({"p1": [0.2, None, 0.1, 0.1]}, r"'p1'.*row 2.*nothing"),
        ({"score": ["0", "1+", "4+", "3+"]}, r"'score'.*row 3.*4\+"),
        ({"score": ["0", None, "2+", "3+"]}, r"'score'.*row 2.*nothing"),
        ({"target": [0, 0, 1, 0]}, r"'target' has 1 wrong.*row 4.*0\n.*2\+ or more"),
        ({"target": [0, 0, 1, 1], "probability": [0.1, 0.3, 0.8, 0.7]}, r"'probability'.*row 4"),
    ],
)
def test_what_is_refused_names_the_row_and_the_value(columns, message):
    with pytest.raises(UserError) as error:
        check_predictions(table(**columns), "mine.csv")
    assert "mine.csv" in str(error.value)
    flat = str(error.value)
    assert re.search(message, flat, re.DOTALL), flat


@pytest.mark.parametrize("absent", SCORE_COLUMNS)
def test_some_of_the_four_are_refused(tmp_path, absent):
    table().drop(absent).write_csv(tmp_path / "mine.csv")
    with pytest.raises(UserError, match=f"(?s)mine.csv.*missing columns: {absent}"):
        read_predictions([tmp_path / "mine.csv"])


def test_without_score_and_target_the_score_is_asked_for():
    with pytest.raises(UserError, match="missing columns: score"):
        check_predictions(table().drop("score"))


def test_the_cut_of_a_table_is_that_of_its_target():
    assert cut_of(check_predictions(table())) == 2
    third = check_predictions(table(target=[0, 0, 0, 1]))
    assert cut_of(third) == 3
    assert third["probability"].to_list() == pytest.approx([0.0, 0.1, 0.3, 0.7])


def test_a_binary_models_rows_stand_beside_an_ordinal_models(tmp_path):
    binary = table(model=["b"] * 4, target=[0, 0, 1, 1], probability=[0.2, 0.4, 0.6, 0.9])
    binary.drop(*SCORE_COLUMNS).write_csv(tmp_path / "b.csv")
    table().write_csv(tmp_path / "a.csv")
    read = read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert read["p0"].null_count() == 4
    assert check_predictions(read).equals(read)
    first = at_endpoint(read, "2+")
    assert first.equals(read)
    with pytest.raises(UserError, match=r"2 row\(s\) whose target is not “score 3\+ or more”") as e:
        at_endpoint(
            read.with_columns(target=pl.Series([0, 0, 1, 1, 0, 1, 1, 1], dtype=pl.Int8)), "3+"
        )
    assert "model b, tile t2" in str(e.value)


@pytest.mark.parametrize("endpoint", ["1+", "2+", "3+"])
def test_another_cut_has_the_binary_columns_of_that_cut(endpoint):
    read = check_predictions(table())
    moved = at_endpoint(read, endpoint)
    derived = binary_columns(read, int(endpoint[0]))
    for name in ("target", "probability", "logit"):
        assert moved[name].to_list() == derived[name].to_list()
    assert check_predictions(moved).equals(moved)
    assert at_endpoint(moved, "2+").equals(read)


@pytest.mark.parametrize("endpoint", ["status", "4+"])
def test_other_endpoints_have_no_cut(endpoint):
    with pytest.raises(UserError, match=r"1\+, 2\+, 3\+"):
        at_endpoint(check_predictions(table()), endpoint)


def test_binary_tables_have_no_other_cut():
    rows = table(target=[0, 0, 1, 1], probability=[0.2, 0.4, 0.6, 0.9]).drop(*SCORE_COLUMNS)
    with pytest.raises(UserError, match="no model with the columns score and p0 to p3"):
        at_endpoint(check_predictions(rows), "3+")

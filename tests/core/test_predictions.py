"""Reading predictions: what is filled in, and every kind of bad input."""

import math

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.predictions import COLUMNS, check_predictions, read_predictions


def table(**columns) -> pl.DataFrame:
    base = {
        "model": ["a", "a", "b", "b"],
        "tile_id": ["t1", "t2", "t1", "t2"],
        "target": [0, 1, 0, 1],
        "probability": [0.25, 0.5, 0.125, 1.0],
    }
    return pl.DataFrame({**base, **columns})


def test_defaults_are_filled_and_columns_typed():
    checked = check_predictions(table())
    assert checked.columns == list(COLUMNS)
    assert checked.schema == COLUMNS
    assert checked["seed"].to_list() == [0] * 4 and checked["fold"].to_list() == [0] * 4
    assert set(checked["split"]) == {"test"} and checked["group_id"].null_count() == 4
    assert checked["logit"][0] == pytest.approx(math.log(0.25 / 0.75))


def test_logits_of_0_and_1_are_finite_and_keep_the_order():
    p = [0.0, 1e-320, 1e-300, 0.5, 1 - 2**-53, 1.0]
    n = len(p)
    checked = check_predictions(
        pl.DataFrame(
            {
                "model": ["a"] * n,
                "tile_id": [str(i) for i in range(n)],
                "target": [0, 1] * 3,
                "probability": p,
            }
        )
    )
    logits = checked["logit"].to_list()
    assert all(map(math.isfinite, logits)) and logits == sorted(set(logits))


def test_further_columns_are_kept_and_scores_read():
    checked = check_predictions(table(score=["0", "2+", "0", "2+"], scanner=["x", "y", "x", "y"]))
    assert checked["score"].to_list() == [0, 2, 0, 2]
    assert checked.columns[-2:] == ["score", "scanner"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": [0, 2, 0, 1]}, r"column 'target' has 1 wrong.*row 2, model a, tile t2: 2"),
        ({"target": [0, None, 0, 1]}, "column 'target'"),
        ({"target": [0.0, 0.5, 0.0, 1.0]}, "column 'target' has 1"),
        ({"target": ["no", "yes", "no", "yes"]}, "column 'target' has 4"),
        ({"probability": [0.1, float("nan"), 0.1, 0.1]}, "column 'probability' has 1"),
        ({"probability": [0.1, float("inf"), 0.1, 0.1]}, "column 'probability' has 1"),
        ({"probability": [0.1, None, 0.1, 0.1]}, "column 'probability' has 1"),
        ({"probability": [0.1, -0.2, 0.1, 0.1]}, "column 'probability' has 1"),
        ({"probability": [10.0, 20.0, 99.0, 0.1]}, "divide by 100"),
        ({"probability": ["p", "q", "0.1", "0.2"]}, "column 'probability' has 2"),
        ({"logit": [0.0, float("-inf"), 0.0, 0.0]}, "column 'logit' has 1"),
        ({"logit": [0.0, float("nan"), 0.0, 0.0]}, "column 'logit' has 1"),
        ({"logit": [-1.0986, 3.0, -1.9459, 20.0]}, "drop the logit column"),
        ({"split": ["test", "tset", "test", "test"]}, "column 'split' has 1"),
        ({"seed": [0.0, 1.5, 0.0, 0.0]}, "column 'seed' has 1"),
        ({"model": ["a", None, "b", "b"]}, "column 'model' has 1"),
        ({"group_id": ["s", None, "s", None]}, "a group in every row, or in none"),
        ({"score": ["0", "4", "0", "2"]}, "column 'score' has 1"),
    ],
)
def test_bad_values_are_named(columns, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        check_predictions(table(**columns), "p.csv")


def test_missing_columns_are_listed_with_the_nearest_present():
    wrong = table().rename({"probability": "probabilty", "tile_id": "tile"})
    with pytest.raises(UserError) as error:
        check_predictions(wrong, "p.csv")
    assert "p.csv: missing columns: tile_id" in str(error.value)
    assert "probability (did you mean 'probabilty'?)" in str(error.value)


def test_a_tile_twice_is_refused_but_not_in_another_seed():
    twice = pl.concat([table(), table().head(1)])
    with pytest.raises(UserError, match=r"1 tile.*twice.*\n.*model 'a', seed 0.*tile_id 't1'"):
        check_predictions(twice)
    seeds = pl.concat([table(seed=[0] * 4), table(seed=[1] * 4)])
    assert len(check_predictions(seeds)) == 8


def test_one_tile_in_two_groups_is_refused():
    with pytest.raises(UserError, match="more than one group"):
        check_predictions(table(group_id=["s1", "s2", "s3", "s2"]))


def test_groups_known_in_one_table_hold_for_all(tmp_path):
    known = table().head(2).with_columns(group_id=pl.Series(["s1", "s2"]))
    known.write_csv(tmp_path / "a.csv")
    table().tail(2).write_parquet(tmp_path / "b.parquet")
    together = read_predictions([tmp_path / "a.csv", tmp_path / "b.parquet"])
    assert together["group_id"].to_list() == ["s1", "s2", "s1", "s2"]


def test_the_same_rows_in_two_files_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        table().write_csv(tmp_path / name)
    with pytest.raises(UserError, match=r"4 tile.*twice"):
        read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_byte_order_mark_semicolons_and_ids_of_digits(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(
        b"\xef\xbb\xbfmodel;tile_id;group_id;target;probability\r\n1;007;03;1;0.5\r\n1;008;03;0;0.25\r\n"
    )
    read = read_predictions([path])
    assert read["tile_id"].to_list() == ["007", "008"]
    assert read["group_id"].to_list() == ["03", "03"] and read["model"].to_list() == ["1", "1"]


@pytest.mark.parametrize("content", ["", "model,tile_id,target,probability\n"])
def test_empty_files_are_refused(tmp_path, content):
    path = tmp_path / "p.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=r"p\.csv"):
        read_predictions([path])


def test_no_file_is_refused():
    with pytest.raises(UserError, match="no file named"):
        read_predictions([])


@pytest.mark.parametrize(
    "name",
    ["../up", "a\\b", "..", ".", "C:x", "ceiling", "Ceiling", "x" * 101, "é" * 101, "a\x1bb"],
)
def test_a_name_that_would_be_a_path_or_something_else_is_refused(name):
    with pytest.raises(UserError, match="column 'model' has 2 wrong"):
        check_predictions(table(model=["a", "a", name, name]))


@pytest.mark.parametrize(
    ("column", "value"), [("seed", -1), ("seed", 2**32), ("fold", -1), ("fold", 10**12)]
)
def test_absurd_seeds_and_folds_are_refused(column, value):
    with pytest.raises(UserError, match=f"column '{column}' has 4 wrong"):
        check_predictions(table(**{column: [value] * 4}))


def test_rounding_beyond_0_and_1_is_taken_off():
    checked = check_predictions(table(probability=[1.0000000002, -1e-9, 0.5, 1 + 1e-7]))
    assert checked["probability"].to_list() == [1, 0, 0.5, 1]
    assert checked["logit"].is_finite().all()
    with pytest.raises(UserError) as error:
        check_predictions(table(probability=[1.001, 0.5, 0.5, 0.5]))
    assert "divide by 100" not in str(error.value)


def test_columns_that_are_not_used_need_not_fit_one_another(tmp_path):
    halves = table().head(2), table().tail(2)
    one = {"zone": pl.Series(["x", "y"], dtype=pl.Categorical), "site": [1, 2], "v": [[1.0]] * 2}
    other = {"zone": [1, 2], "site": ["1", "b"], "v": [1.0, 2.0]}
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for half, further, path in zip(halves, (one, other), paths, strict=True):
        half.with_columns(pl.Series(k, v) for k, v in further.items()).write_parquet(path)
    assert read_predictions(paths).columns == list(COLUMNS)
    used = read_predictions(paths, ["site"])
    assert used["site"].to_list() == ["1", "2", "1", "b"]
    with pytest.raises(UserError, match=r"a\.parquet: column 'v' is of type List"):
        read_predictions(paths, ["v"])


@pytest.mark.parametrize("name", ["prob", "Prob", "proba", "p"])
def test_a_short_name_of_a_missing_column_is_named(tmp_path, name):
    path = tmp_path / "p.csv"
    path.write_text(f"model,tile_id,target,{name}\na,t1,1,0.5\n", encoding="utf-8")
    with pytest.raises(UserError, match="missing columns: probability") as error:
        read_predictions([path])
    assert (f"did you mean {name!r}?" in error.value.found) == (len(name) > 2)

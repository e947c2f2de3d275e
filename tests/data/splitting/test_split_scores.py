"""Which scores can be learned in each fold of a split."""

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.data.splitting.split_scores import note_absent_scores, with_scores

MANIFEST = pl.DataFrame({"tile_id": list("fedcba"), "score": [3, 2, 1, 0, 2, 1]})


def splits(sides, fold=0):
    ids = sorted(MANIFEST["tile_id"])
    return pl.DataFrame({"tile_id": ids, "fold": [fold] * 6, "split": sides})


def test_each_tile_has_its_score_in_the_order_of_the_splits():
    table = with_scores(splits(["train"] * 6), MANIFEST)
    assert table["tile_id"].to_list() == list("abcdef")
    assert table["score"].to_list() == [1, 2, 0, 1, 2, 3]


def test_a_score_outside_the_training_tiles_is_named_with_its_fold():
    good = splits(["train"] * 6)
    bad = splits(["train", "train", "test", "train", "train", "val"], fold=1)
    with pytest.raises(UserError, match="scores without training tiles") as error:
        with_scores(pl.concat([good, bad]), MANIFEST)
    assert "0 in fold 1: 1 tiles" in str(error.value) and "3+ in fold 1" in str(error.value)
    assert "fold 0" not in str(error.value)


def test_a_score_that_no_tile_has_is_named_and_allowed(caplog):
    table = with_scores(splits(["train"] * 6), MANIFEST.filter(pl.col("score") > -1))
    note_absent_scores(table, "mine.csv")
    assert not caplog.text
    note_absent_scores(table.filter(pl.col("score") != 0), "mine.csv")
    assert "mine.csv: no tile of score 0: it is not learned" in caplog.text

"""The split as the audit sees it."""

import polars as pl
import pytest

from her2bench.audit.partition import chosen_split, split_from
from her2bench.core.errors import UserError

TILES = pl.DataFrame({"tile_id": ["a", "b", "c"]})


def test_the_manifests_own_split_if_it_has_one():
    assert chosen_split(TILES, None) is None
    whole = chosen_split(TILES.with_columns(split=pl.Series(["train", "val", "test"])), None)
    assert whole is not None and whole.tolist() == ["train", "val", "test"]


def test_one_fold_gives_its_sides_in_the_manifests_order():
    splits = pl.DataFrame(
        {"tile_id": ["c", "a", "b"], "fold": [0, 0, 0], "split": ["test", "train", "val"]}
    )
    assert split_from(splits, TILES, "s").tolist() == ["train", "val", "test"]


def test_of_several_folds_it_is_the_one_that_tests_the_tile():
    splits = pl.DataFrame(
        {
            "tile_id": ["a", "b", "c"] * 2,
            "fold": [0, 0, 0, 1, 1, 1],
            "split": ["test", "train", "val", "train", "test", "test"],
        }
    )
    assert split_from(splits, TILES, "s").tolist() == ["fold 0", "fold 1", "fold 1"]


def test_splits_of_other_tiles_are_refused():
    splits = pl.DataFrame({"tile_id": ["a", "b"], "split": ["test", "train"]})
    with pytest.raises(UserError, match="1 tile_id of the manifest are not in it"):
        split_from(splits, TILES, "s")


@pytest.mark.parametrize(
    ("splits", "complaint"),
    [
        ({"tile_id": list("abc"), "split": ["train", "holdout", "test"]}, "row 2: 'holdout'"),
        ({"tile_id": list("abc"), "split": ["train", None, "test"]}, "row 2: nothing"),
        (
            {"tile_id": list("abca"), "split": ["train", "val", "test", "test"]},
            "1 tile_id with more than one side",
        ),
    ],
)
def test_what_is_no_side_or_two_sides_is_refused(splits, complaint):
    with pytest.raises(UserError, match=complaint):
        split_from(pl.DataFrame(splits), TILES, "s")


def test_a_row_twice_is_no_harm():
    splits = pl.DataFrame({"tile_id": list("abca"), "split": ["train", "val", "test", "train"]})
    assert split_from(splits, TILES, "s").tolist() == ["train", "val", "test"]

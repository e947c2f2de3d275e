"""Splits that the manifest gives: kept as they are, with validation from training, or refused."""

import polars as pl
import pytest
from tests.data.splitting.split_tables import TEN_CORES, assert_sound, manifest_of

from her2bench.core.errors import UserError
from her2bench.data.splitting.splits import SplitSettings, make_splits


def bci(train: tuple[int, int], test: tuple[int, int]) -> tuple[pl.DataFrame, pl.Series]:
    manifest, target = manifest_of([train, test])
    side = pl.when(pl.col("group_id") == "g0").then(pl.lit("train")).otherwise(pl.lit("test"))
    return manifest.with_columns(split=side).drop("group_id"), target


def test_random_tiles_follow_the_published_protocol():
    manifest, target = bci((1121, 2775), (273, 704))
    splits = make_splits(manifest, target, SplitSettings(kind="random-tiles", validation=0.2))
    counts = dict(splits["split"].value_counts().rows())
    assert counts == {"train": 3117, "val": 779, "test": 977}
    given = manifest.filter(pl.col("split") == "test")["tile_id"]
    assert sorted(splits.filter(pl.col("split") == "test")["tile_id"]) == sorted(given)
    assert splits["group_id"].null_count() == len(splits)


def test_given_split_is_kept_and_validation_cut_stratified():
    manifest, target = bci((50, 150), (10, 10))
    splits = make_splits(manifest, target, SplitSettings(kind="manifest"))
    cut = splits.filter(pl.col("split") == "val")["target"]
    assert (len(cut), cut.sum()) == (40, 30)
    assert (splits["split"] == "test").sum() == 20


def with_split(sides: dict[str, str], groups=TEN_CORES) -> tuple[pl.DataFrame, pl.Series]:
    manifest, target = manifest_of(groups)
    return manifest.with_columns(
        split=pl.col("group_id").replace_strict(sides, default="train")
    ), target


def test_given_split_validation_is_cut_by_group():
    manifest, target = with_split({"g0": "test", "g7": "test"})
    splits = make_splits(manifest, target, SplitSettings(kind="manifest"))
    assert_sound(splits, len(manifest))


def test_given_split_with_validation_is_kept_as_it_is():
    manifest, target = with_split({"g0": "val", "g7": "val"})
    splits = make_splits(manifest, target, SplitSettings(kind="manifest"))
    joined = splits.join(manifest, on="tile_id")
    assert joined["split"].equals(joined["split_right"], check_names=False)


def test_given_split_tears_a_group():
    manifest, target = with_split({"g0": "test", "g7": "test"})
    divided = pl.Series("split", ["val", *manifest["split"][1:]])
    with pytest.raises(UserError, match="g0: test, val"):
        make_splits(manifest.with_columns(divided), target, SplitSettings(kind="manifest"))


@pytest.mark.parametrize("only", ["train", "test"])
def test_given_split_with_one_side_only(only):
    manifest, target = with_split({f"g{group}": only for group in range(10)})
    with pytest.raises(UserError, match="train rows, and val or test rows"):
        make_splits(manifest, target, SplitSettings(kind="manifest"))


def test_given_split_is_missing():
    manifest, target = manifest_of(TEN_CORES)
    with pytest.raises(UserError, match="no column 'split'"):
        make_splits(manifest, target, SplitSettings(kind="manifest"))


def test_one_class_in_a_given_side_is_named_with_counts():
    manifest, target = with_split({"g0": "test", "g7": "val", "g1": "val"})
    with pytest.raises(UserError, match="test of fold 0: 0 positive, 40 negative"):
        make_splits(manifest, target, SplitSettings(kind="manifest"))

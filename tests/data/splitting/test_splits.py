"""Splits: nothing on two sides, everything once, both classes everywhere, or a clear message."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.splitting.split_tables import (
    TEN_CORES,
    any_groups,
    assert_sound,
    manifest_of,
    pure,
    seeds,
)

from her2bench.core.errors import UserError
from her2bench.data.splitting.splits import SplitSettings, make_splits


@settings(max_examples=60, deadline=None)
@given(groups=any_groups, seed=seeds)
def test_grouped_keeps_groups_whole_and_classes_everywhere(groups, seed):
    manifest, target = manifest_of(groups)
    splits = make_splits(manifest, target, SplitSettings(kind="grouped", seed=seed))
    assert splits["fold"].unique().to_list() == [0]
    assert_sound(splits, len(manifest))


@settings(max_examples=40, deadline=None)
@given(groups=any_groups, seed=seeds, folds=st.integers(2, 4))
def test_kfold_tests_every_tile_once(groups, seed, folds):
    manifest, target = manifest_of(groups)
    asked = SplitSettings(kind="grouped-kfold", folds=folds, seed=seed)
    splits = make_splits(manifest, target, asked)
    assert_sound(splits, len(manifest))
    assert splits["fold"].n_unique() == folds
    tested = splits.filter(pl.col("split") == "test")["tile_id"]
    assert sorted(tested) == sorted(manifest["tile_id"])


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(5, 30), st.booleans()), min_size=40, max_size=90),
    seed=seeds,
)
def test_shares_come_near_with_many_groups(sizes, seed):
    groups = [(0, n) if positive else (n, 0) for n, positive in sizes]
    groups += [(20, 0), (0, 20)] * 4
    manifest, target = manifest_of(groups)
    splits = make_splits(manifest, target, SplitSettings(seed=seed))
    for value in (0, 1):
        of_class = splits.filter(pl.col("target") == value)
        for side, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
            off = abs((of_class["split"] == side).sum() - share * len(of_class))
            assert off <= 15  # half of the largest group


@settings(max_examples=20, deadline=None)
@given(groups=any_groups, seed=seeds, order=st.randoms(use_true_random=False))
@pytest.mark.parametrize("kind", ["grouped", "grouped-kfold", "random-tiles"])
def test_row_order_does_not_matter(kind, groups, seed, order):
    manifest, target = manifest_of(groups)
    rows = list(range(len(manifest)))
    order.shuffle(rows)
    asked = SplitSettings(kind=kind, folds=2, seed=seed)
    try:
        expected = make_splits(manifest, target, asked)
    except UserError:
        return  # random tiles of a tiny set may leave a side with one class
    assert make_splits(manifest[rows], target[rows], asked).equals(expected)


def test_seeds_differ():
    manifest, target = manifest_of(pure([7, 9, 4, 8, 6, 5, 9, 3] * 3, [5, 8, 7, 6, 9, 4] * 3))
    results = {
        tuple(make_splits(manifest, target, SplitSettings(seed=seed))["split"])
        for seed in range(10)
    }
    assert len(results) > 5


@pytest.mark.parametrize("seed", range(5))
def test_ten_cores_in_three_folds(seed):
    manifest, target = manifest_of(TEN_CORES)
    asked = SplitSettings(kind="grouped-kfold", folds=3, seed=seed)
    splits = make_splits(manifest, target, asked)
    assert_sound(splits, len(manifest))


def test_ten_cores_grouped_shares():
    manifest, target = manifest_of(TEN_CORES)
    splits = make_splits(manifest, target, SplitSettings())
    assert_sound(splits, len(manifest))
    negative = splits.filter(pl.col("target") == 0)["split"].value_counts()
    shares = {side: count / 428 for side, count in negative.rows()}
    assert shares["train"] == pytest.approx(0.6, abs=0.05)
    assert shares["test"] == pytest.approx(0.2, abs=0.05)


def test_a_fold_leaves_two_groups_of_each_class_to_the_others():
    # By tiles alone the large positive group would be one fold and the other three the second.
    manifest, target = manifest_of(pure([10, 10, 10, 10], [30, 10, 10, 10]))
    splits = make_splits(manifest, target, SplitSettings(kind="grouped-kfold", folds=2))
    assert_sound(splits, len(manifest))


@pytest.mark.parametrize(
    ("groups", "folds", "message"),
    [
        (pure([5] * 7, [5] * 3), 5, "3 hold positive tiles, 7 negative ones"),
        (pure([5] * 7, [5] * 3), 2, "at least 4 of each"),
        (pure([5] * 2, [5] * 9), 3, "9 hold positive tiles, 2 negative ones"),
    ],
)
def test_too_few_groups_for_the_folds(groups, folds, message):
    manifest, target = manifest_of(groups)
    with pytest.raises(UserError, match=message) as caught:
        make_splits(manifest, target, SplitSettings(kind="grouped-kfold", folds=folds))
    assert "split.folds" in caught.value.hint


def test_two_folds_of_three_positive_groups_without_validation():
    manifest, target = manifest_of(pure([5] * 7, [5] * 3))
    asked = SplitSettings(kind="grouped-kfold", folds=2, validation=0)
    splits = make_splits(manifest, target, asked)
    assert sorted(splits["split"].unique()) == ["test", "train"]


def test_grouped_with_two_positive_groups():
    manifest, target = manifest_of(pure([5] * 7, [5] * 2))
    with pytest.raises(UserError, match="2 hold positive tiles") as caught:
        make_splits(manifest, target, SplitSettings())
    assert "split.test" in caught.value.hint
    splits = make_splits(manifest, target, SplitSettings(validation=0))
    assert sorted(splits["split"].unique()) == ["test", "train"]


@pytest.mark.parametrize("kind", ["grouped", "grouped-kfold"])
@pytest.mark.parametrize("known", ["no column", "all empty"])
def test_group_kinds_need_groups(kind, known):
    manifest, target = manifest_of(TEN_CORES)
    nothing = pl.lit(None, pl.String).alias("group_id")
    manifest = manifest.drop("group_id") if known == "no column" else manifest.with_columns(nothing)
    with pytest.raises(UserError, match="group_id") as caught:
        make_splits(manifest, target, SplitSettings(kind=kind))
    assert "random-tiles" in caught.value.hint


@pytest.mark.parametrize(("tiles", "validation"), [(3896, 779), (3898, 779), (3899, 779)])
def test_random_validation_is_cut_as_in_the_study(tiles, validation):
    """The study takes int(0.2 n) tiles, all others train: 779.8 of 3,899 are 779."""
    manifest, target = manifest_of([(tiles // 2, tiles - tiles // 2)])
    asked = SplitSettings(kind="random-tiles", validation=0.2, test=0.0)
    counts = dict(make_splits(manifest, target, asked)["split"].value_counts().rows())
    assert counts == {"train": tiles - validation, "val": validation}


@pytest.mark.parametrize(("test", "expected"), [(0.2, {"train": 60, "val": 20, "test": 20}),
                                                (0, {"train": 80, "val": 20})])  # fmt: skip
def test_random_tiles_draw_their_own_test(test, expected):
    manifest, target = manifest_of([(50, 50)])
    splits = make_splits(manifest, target, SplitSettings(kind="random-tiles", test=test))
    assert dict(splits["split"].value_counts().rows()) == expected


@pytest.mark.parametrize("kind", ["random-tiles", "grouped"])
def test_one_class_only(kind):
    manifest, target = manifest_of(pure([5] * 7, []))
    with pytest.raises(UserError, match=r"0 (hold )?positive"):
        make_splits(manifest, target, SplitSettings(kind=kind))


@pytest.mark.parametrize(
    "wrong", [{"kind": "tiles"}, {"folds": 1}, {"validation": 1}, {"test": -0.1}, {"shares": 1},
              {"validation": 0.5, "test": 0.5}]
)  # fmt: skip
def test_settings_reject(wrong):
    with pytest.raises(ValueError):
        SplitSettings(**wrong)


def test_target_is_carried_with_its_tile():
    manifest, target = manifest_of(TEN_CORES)
    splits = make_splits(manifest, target, SplitSettings())
    assert np.array_equal(splits["target"], splits["tile_id"].str.extract(r"-(\d)-").cast(pl.Int8))

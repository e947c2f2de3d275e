"""Tables of slides to split, and what holds of every split."""

import polars as pl
from hypothesis import strategies as st


def manifest_of(sizes: list[tuple[int, int]], **columns) -> tuple[pl.DataFrame, pl.Series]:
    """Groups with so many (negative, positive) tiles each."""
    rows = [
        (f"g{group}-{value}-{tile}", f"g{group}", value)
        for group, counts in enumerate(sizes)
        for value in (0, 1)
        for tile in range(counts[value])
    ]
    table = pl.DataFrame(rows, schema=["tile_id", "group_id", "target"], orient="row")
    table = table.with_columns(**columns)
    return table.drop("target"), table["target"].cast(pl.Int8)


def pure(negative: list[int], positive: list[int]) -> list[tuple[int, int]]:
    return [(n, 0) for n in negative] + [(0, p) for p in positive]


size = st.integers(1, 60)


pure_groups = st.builds(
    pure, st.lists(size, min_size=4, max_size=20), st.lists(size, min_size=4, max_size=20)
)


mixed_groups = st.lists(st.tuples(size, size), min_size=4, max_size=20)


any_groups = st.one_of(
    pure_groups, mixed_groups, st.builds(list.__add__, pure_groups, mixed_groups)
)


seeds = st.integers(0, 2**31)


def assert_sound(splits: pl.DataFrame, tiles: int) -> None:
    for _, fold in splits.group_by("fold"):
        assert fold["tile_id"].n_unique() == len(fold) == tiles
        sides = fold.group_by("group_id").agg(pl.col("split").n_unique())["split"]
        assert sides.max() == 1
        classes = fold.group_by("split").agg(pl.col("target").n_unique())
        assert classes["target"].min() == 2
        assert sorted(classes["split"]) == ["test", "train", "val"]


TEN_CORES = pure([40, 61, 75, 66, 52, 70, 64], [55, 71, 58])

"""What a split must satisfy: known groups, none on two sides, both classes everywhere."""

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed

_WHERE = "splits"
_WITHOUT_GROUPS = (
    "fill the column group_id (slide or patient), or choose kind = 'random-tiles' knowing that "
    "its scores are optimistic"
)


def too_few(tiles: np.ndarray, names: list[str], needed: int) -> UserError:
    """The error for groups that cannot give both classes to every side or fold.

    Args:
        tiles: (groups, 2) negative and positive tiles of each group.
        names: the sides, or the numbers of the folds.
        needed: least number of groups of each class.
    """
    negative, positive = (int(count) for count in (tiles > 0).sum(axis=0))
    return UserError(
        _WHERE,
        found=f"{len(tiles)} slides or patients (column group_id): {positive} hold positive "
        f"tiles, {negative} negative ones",
        expected=f"at least {needed} of each, to have both classes on all sides ({_sides(names)})",
        hint="choose fewer split.folds, or another endpoint"
        if names[0] != "train"
        else "set split.test to 0, choose another endpoint, or add slides",
    )


def _sides(names: list[str]) -> str:
    return ", ".join(names) if names[0] == "train" else f"{len(names)} folds, each with train, val"


def require_groups(table: pl.DataFrame) -> None:
    """Raise a UserError unless every tile has a group."""
    if table["group_id"].null_count():
        raise UserError(
            "manifest",
            found="no column 'group_id', or no value in it",
            expected="the slide or patient of every tile, to divide by group",
            hint=_WITHOUT_GROUPS,
        )


def no_group_on_two_sides(table: pl.DataFrame) -> None:
    """Raise a UserError that names the groups on more than one side of a given split."""
    known = table.drop_nulls("group_id").group_by("group_id")
    divided = known.agg(pl.col("split").unique().sort()).filter(pl.col("split").list.len() > 1)
    if len(divided):
        lines = [f"{group}: {', '.join(sides)}" for group, sides in divided.sort("group_id").rows()]
        raise UserError(
            "manifest",
            found=f"{len(divided)} groups lie on more than one side of the split:{listed(lines)}",
            expected="each slide or patient on one side, else the scores are optimistic",
            hint="correct the column split, or choose split.kind = 'grouped'",
        )


def both_classes(fold: pl.DataFrame) -> None:
    """Raise a UserError that names the sides of one fold with a single class."""
    counts = fold.group_by("split").agg(
        negative=(pl.col("target") == 0).sum(), positive=(pl.col("target") == 1).sum()
    )
    lone = counts.filter((pl.col("negative") == 0) | (pl.col("positive") == 0)).sort("split")
    if len(lone):
        number = fold["fold"][0]
        lines = [f"{s} of fold {number}: {p} positive, {n} negative" for s, n, p in lone.rows()]
        raise UserError(
            _WHERE,
            found=f"one class only:{listed(lines)}",
            expected="positive and negative tiles on every side",
            hint="choose another endpoint, seed or split.kind, or add tiles of the missing class",
        )

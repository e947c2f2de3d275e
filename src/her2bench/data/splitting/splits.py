"""Splits: which tile trains, which validates, which tests; no slide on two sides."""

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import SPLITS
from her2bench.data.splitting.group_assignment import allocate, groups_needed
from her2bench.data.splitting.split_checks import (
    both_classes,
    no_group_on_two_sides,
    require_groups,
    too_few,
)

Share = Annotated[float, Field(ge=0, lt=1)]


class SplitSettings(BaseModel):
    """How tiles are divided.

    Attributes:
        kind: `manifest`: as its `split` column says. `grouped`: whole groups, once.
            `grouped-kfold`: whole groups, every tile in the test side of one fold.
            `random-tiles`: tile by tile, so that tiles of one slide lie on both sides.
        validation: share for validation; of all tiles for `grouped` and for `random-tiles`
            without given test tiles, else of the tiles that are not test.
        test: share of all tiles for test, where the kind draws test tiles.
        folds: number of folds of `grouped-kfold`.
        seed: of the draw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["manifest", "grouped", "grouped-kfold", "random-tiles"] = "grouped"
    validation: Share = 0.2
    test: Share = 0.2
    folds: Annotated[int, Field(ge=2, le=1000)] = 5
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _leaves_training(self) -> "SplitSettings":
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must stay below 1, the rest is for training")
        return self


def make_splits(manifest: pl.DataFrame, target: pl.Series, settings: SplitSettings) -> pl.DataFrame:
    """Divide a manifest's tiles into train, val and test.

    The result depends on the tiles, the settings and the seed, not on the order of the rows.

    Args:
        manifest: as `read_manifest` gives it.
        target: Int8 0 or 1 of each row.
        settings: kind, shares, folds, seed.

    Returns:
        `tile_id`, `group_id` (null where unknown), `target` (Int8), `fold` (Int64, from 0) and
        `split`, sorted by fold and tile_id: every tile once in every fold.

    Raises:
        UserError: groups are needed and not known, a group lies on two sides, there are too few
            groups, or a side would hold one class only.
    """
    table = _columns(manifest, target)
    make = {
        "manifest": _as_given,
        "grouped": _grouped,
        "grouped-kfold": _grouped_kfold,
        "random-tiles": _random_tiles,
    }[settings.kind]
    folds = [
        table.select(
            "tile_id",
            "group_id",
            "target",
            pl.lit(fold, pl.Int64).alias("fold"),
            pl.Series("split", sides, dtype=pl.String),
        )
        for fold, sides in enumerate(make(table, settings))
    ]
    for fold in folds:
        both_classes(fold)
    return pl.concat(folds)


def _columns(manifest: pl.DataFrame, target: pl.Series) -> pl.DataFrame:
    optional = [
        manifest[name].cast(pl.String)
        if name in manifest.columns
        else pl.Series(name, [None] * len(manifest), dtype=pl.String)
        for name in ("group_id", "split")
    ]
    columns = [manifest["tile_id"], *optional, target.cast(pl.Int8).alias("target")]
    return pl.DataFrame(columns).sort("tile_id")


def _as_given(table: pl.DataFrame, settings: SplitSettings) -> list[list[str]]:
    sides = table["split"]
    if sides.null_count():
        raise UserError(
            "manifest",
            found="no column 'split'",
            expected="train, val or test in every row for split.kind = 'manifest'",
            hint="add the column, or choose split.kind = 'grouped'",
        )
    no_group_on_two_sides(table)
    counts = {side: int((sides == side).sum()) for side in SPLITS}
    if not counts["train"] or not (counts["val"] or counts["test"]):
        raise UserError(
            "manifest",
            found=f"split holds {_counted(counts)}",
            expected="train rows, and val or test rows",
            hint="give the missing rows, or choose split.kind = 'grouped' or 'random-tiles'",
        )
    if counts["val"] or not settings.validation:
        return [sides.to_list()]
    return [_cut_validation(table, sides.to_list(), settings.validation, _rng(settings))]


def _grouped(table: pl.DataFrame, settings: SplitSettings) -> list[list[str]]:
    require_groups(table)
    shares = {"val": settings.validation, "test": settings.test}
    named = {side: share for side, share in shares.items() if share}
    names = ["train", *named]
    share = [1 - sum(named.values()), *named.values()]
    return [_by_group(table, names, share, _rng(settings))]


def _grouped_kfold(table: pl.DataFrame, settings: SplitSettings) -> list[list[str]]:
    require_groups(table)
    numbers = [str(fold) for fold in range(settings.folds)]
    share = [1 / settings.folds] * settings.folds
    left = 2 if settings.validation else 0
    fold_of = _by_group(table, numbers, share, _rng(settings), left)
    folds = []
    for number in numbers:
        sides = ["test" if fold == number else "train" for fold in fold_of]
        if settings.validation:
            rng = _rng(settings, 1 + int(number))
            sides = _cut_validation(table, sides, settings.validation, rng)
        folds.append(sides)
    return folds


def _random_tiles(table: pl.DataFrame, settings: SplitSettings) -> list[list[str]]:
    sides = np.where((table["split"] == "test").fill_null(False), "test", "train").astype(object)
    shuffled = _rng(settings).permutation(np.flatnonzero(sides == "train"))
    tests = 0 if (sides == "test").any() else round(settings.test * len(table))
    rest = len(shuffled) if not tests else len(table)
    sides[shuffled[:tests]] = "test"
    validation = int(settings.validation * rest)  # cut off, not rounded, as the study does
    sides[shuffled[tests : tests + validation]] = "val"
    return [sides.tolist()]


def _cut_validation(
    table: pl.DataFrame, sides: list[str], share: float, rng: np.random.Generator
) -> list[str]:
    """Turn a share of the train tiles into val: by group where known, else tile by tile."""
    rows = [row for row, side in enumerate(sides) if side == "train"]
    train = table[rows]
    if train["group_id"].null_count():
        names = _stratified_tiles(train["target"].to_numpy(), share, rng)
    else:
        names = _by_group(train, ["train", "val"], [1 - share, share], rng)
    cut = list(sides)
    for row, name in zip(rows, names, strict=True):
        cut[row] = name
    return cut


def _stratified_tiles(target: np.ndarray, share: float, rng: np.random.Generator) -> list[str]:
    names = np.full(len(target), "train", dtype=object)
    for value in (0, 1):
        rows = rng.permutation(np.flatnonzero(target == value))
        names[rows[: round(share * len(rows))]] = "val"
    return names.tolist()


def _by_group(
    table: pl.DataFrame,
    names: list[str],
    share: list[float],
    rng: np.random.Generator,
    left: int = 0,
) -> list[str]:
    """The side of each row, whole groups together."""
    target = pl.col("target")
    groups = table.group_by("group_id").agg(
        negative=(target == 0).sum(), positive=(target == 1).sum()
    )
    groups = groups.sort("group_id")
    tiles = groups.select("negative", "positive").to_numpy()
    needed = groups_needed(len(names), left)
    sides = None
    if (tiles > 0).sum(axis=0).min() >= needed:
        sides = allocate(tiles, share, rng, left)
    if sides is None:
        raise too_few(tiles, names, needed)
    side_of = dict(zip(groups["group_id"], (names[side] for side in sides), strict=True))
    return [side_of[group] for group in table["group_id"]]


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name} rows" for name, count in counts.items())


def _rng(settings: SplitSettings, stream: int = 0) -> np.random.Generator:
    return np.random.default_rng([settings.seed, stream])

"""The split as the audit sees it: one side per tile, for every kind of split."""

from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.manifest import require_sides
from her2bench.core.tables import Wanted, read_table, require_columns
from her2bench.core.values import clean_text
from her2bench.core.vocabulary import SPLITS


def chosen_split(manifest: pl.DataFrame, path: Path | None) -> np.ndarray | None:
    """Each tile's side in a table of splits, else in the manifest's own `split`; else None."""
    if path is not None:
        return split_from(read_table(path, Wanted(("tile_id", "split"), ("fold",))), manifest, path)
    return manifest["split"].to_numpy() if "split" in manifest.columns else None


def split_from(splits: pl.DataFrame, manifest: pl.DataFrame, where: object) -> np.ndarray:
    """Each tile's side in a splits table, as `compare` leaves it in splits.parquet.

    Of several folds, a tile's side is the fold that tests it: two tiles of different folds lie
    on different sides whenever one of them is tested, and two of one fold never do.

    Args:
        splits: with `tile_id` and `split`; `fold` where there are several.
        manifest: the tiles.
        where: the table's name, for messages.

    Returns:
        (n,) text, one per tile of the manifest: `train`, `val`, `test`, or `fold 0`, `fold 1`, …

    Raises:
        UserError: a column or a tile is missing, a side is unknown, or a tile has two.
    """
    require_columns(splits, ("tile_id", "split"), where)
    names = [name for name in ("tile_id", "split", "fold") if name in splits.columns]
    splits = splits.with_columns(clean_text(splits[name]) for name in names)
    require_sides(splits, where)
    if "fold" in splits.columns and splits["fold"].n_unique() > 1:
        side = "fold " + pl.col("fold")
        sides = splits.filter(pl.col("split") == "test").select("tile_id", side.alias("side"))
        sides = sides.unique("tile_id", keep="first", maintain_order=True)
    else:
        sides = splits.select("tile_id", side="split").unique(maintain_order=True)
        _require_one_side(sides, where)
    joined = manifest.select("tile_id").join(sides, on="tile_id", how="left", maintain_order="left")
    missing = joined.filter(pl.col("side").is_null())["tile_id"].to_list()
    if missing:
        raise UserError(
            where,
            found=f"{len(missing)} tile_id of the manifest are not in it:{listed(missing, 5)}",
            expected="a side for every tile",
            hint="name the splits that were made from this manifest",
        )
    return joined["side"].to_numpy()


def sides_of(split: np.ndarray) -> list[str]:
    """The sides that a split has, in order: train, val, test, or its folds.

    >>> sides_of(np.array(["test", "train", "test"])), sides_of(np.array(["fold 10", "fold 9"]))
    (['train', 'test'], ['fold 9', 'fold 10'])
    """
    present = {str(side) for side in np.unique(split)}
    folds = sorted(present - set(SPLITS), key=lambda name: (len(name), name))
    return [side for side in SPLITS if side in present] + folds


def _require_one_side(sides: pl.DataFrame, where: object) -> None:
    twice = sides.filter(pl.col("tile_id").is_duplicated())["tile_id"].unique(maintain_order=True)
    if len(twice):
        raise UserError(
            where,
            found=f"{len(twice)} tile_id with more than one side:{listed(twice.to_list(), 5)}",
            expected="each tile on one side",
            hint="keep one row of each tile; if these are several folds, add the column fold",
        )

"""The split as the audit sees it: one side a tile, whatever kind of split it is."""

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.tables import require_columns


def given_split(manifest: pl.DataFrame) -> np.ndarray | None:
    """The manifest's own `split`; None where it has none."""
    if "split" not in manifest.columns or manifest["split"].null_count():
        return None
    return manifest["split"].to_numpy()


def split_from(splits: pl.DataFrame, manifest: pl.DataFrame, where: object) -> np.ndarray:
    """Each tile's side in a splits table, as `compare` leaves it in splits.parquet.

    Of several folds, a tile's side is the fold that tests it: two tiles of different folds lie
    on different sides whenever one of them is tested, and two of one fold never do.

    Args:
        splits: with `tile_id` and `split`; `fold` where there are several.
        manifest: the tiles.
        where: the table's name, for messages.

    Returns:
        (n,) text, a row a tile of the manifest: `train`, `val`, `test`, or `fold 0`, `fold 1`, …

    Raises:
        UserError: a column or a tile is missing.
    """
    require_columns(splits, ("tile_id", "split"), where)
    side = pl.col("split").cast(pl.String)
    if "fold" in splits.columns and splits["fold"].n_unique() > 1:
        splits = splits.filter(pl.col("split") == "test")
        side = "fold " + pl.col("fold").cast(pl.String)
    sides = splits.select(pl.col("tile_id").cast(pl.String), side.alias("side"))
    sides = sides.unique("tile_id", keep="first", maintain_order=True)
    joined = manifest.select("tile_id").join(sides, on="tile_id", how="left", maintain_order="left")
    missing = joined.filter(pl.col("side").is_null())["tile_id"].to_list()
    if missing:
        raise UserError(
            where,
            found=f"{len(missing)} tile_id of the manifest are not in it:{listed(missing, 5)}",
            expected="a side for every tile",
            cure="name the splits that were made from this manifest",
        )
    return joined["side"].to_numpy()

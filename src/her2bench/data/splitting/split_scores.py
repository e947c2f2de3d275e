"""The four scores of the tiles of a split: which of them can be learned in each fold."""

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.notes import note
from her2bench.core.vocabulary import SCORES


def with_scores(splits: pl.DataFrame, manifest: pl.DataFrame) -> pl.DataFrame:
    """The splits with each tile's `score` (Int8).

    Raises:
        UserError: a score has no training tile in a fold, but tiles to be predicted.
    """
    table = splits.join(manifest.select("tile_id", "score"), on="tile_id", maintain_order="left")
    counts = table.group_by("fold", "score").agg(
        tiles=pl.len(), train=(pl.col("split") == "train").sum()
    )
    unseen = counts.filter(pl.col("train") == 0).sort("fold", "score")
    if len(unseen):
        lines = [
            f"{SCORES[score]} in fold {fold}: {tiles} tiles, all outside train"
            for fold, score, tiles in unseen.select("fold", "score", "tiles").iter_rows()
        ]
        raise UserError(
            "splits",
            found=f"scores without training tiles:{listed(lines)}",
            expected="training tiles of every score that the manifest has",
            hint="choose another split.seed, more split.folds, or add slides of that score",
        )
    return table


def note_absent_scores(splits: pl.DataFrame, where: object) -> None:
    """Name the scores that no tile has: they are not learned."""
    absent = [name for score, name in enumerate(SCORES) if score not in set(splits["score"])]
    if absent:
        note(where, f"no tile of score {', '.join(absent)}: it is not learned")

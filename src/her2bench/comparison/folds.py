"""The sides of a split as arrays: the cached train, validation and test tiles of a fold."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from her2bench.core.ordinal import SCORE_COLUMNS, binary_columns
from her2bench.core.predictions import as_predictions
from her2bench.core.vocabulary import SPLITS
from her2bench.data.tile_cache.cached_tiles import Tiles
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.prediction.forward import probabilities
from her2bench.prediction.four_scores import score_probabilities
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.training_scale import TrainingScale
from her2bench.training.channel_statistics import fitted_preparation
from her2bench.training.state import Side

COLUMNS = ("tile_id", "split", "target")


@dataclass(frozen=True)
class Fold:
    """One fold: the splits table's rows of it with `row`, each tile's place in the cache.

    `pixels` names the content of the tiles, `scale` says how large they were cut. The table has
    `score` where the four scores are learned.
    """

    tiles: TileLoader
    table: pl.DataFrame
    pixels: str
    scale: TrainingScale | None = None

    @cached_property
    def content(self) -> str:
        """Key of the fold's training data: pixels, splits and targets."""
        return content_key([self.pixels, self.table.select(self.columns).rows()])

    @property
    def ordinal(self) -> bool:
        """Whether the four scores are learned."""
        return "score" in self.table.columns

    @property
    def columns(self) -> list[str]:
        """What a run learns of each tile."""
        return [*COLUMNS, "score"] if self.ordinal else [*COLUMNS]

    @cached_property
    def normalization(self) -> Normalization:
        """By the statistics of the training tiles' channels."""
        return fitted_preparation(self.tiles.pixels, self.side("train").rows)

    def side(self, split: str) -> Side:
        """The tiles of one side."""
        part = self.table.filter(pl.col("split") == split)
        scores = part["score"].to_numpy() if self.ordinal else None
        return Side(self.tiles, part["row"].to_numpy(), part["target"].to_numpy(), scores)

    @property
    def present(self) -> list[str]:
        """The splits with tiles, in the order train, val, test."""
        return [split for split in SPLITS if split in set(self.table["split"])]

    def predictions(self, logits: dict[str, np.ndarray], **run: object) -> pl.DataFrame:
        """The predictions table of a run.

        Args:
            logits: by split (n,), or of the cuts 1+, 2+ and 3+ (n, 3).
            run: its model, seed and fold.
        """
        parts = []
        for split in self.present:
            part = self.table.filter(pl.col("split") == split)
            columns = _columns(logits[split])
            parts.append(part.with_columns(pl.Series(k, v) for k, v in columns.items()))
        table = pl.concat(parts).with_columns(pl.lit(v).alias(k) for k, v in run.items())
        table = binary_columns(table) if self.ordinal else table
        return as_predictions(table)


def _columns(logits: np.ndarray) -> dict[str, np.ndarray]:
    if logits.ndim == 1:
        return {"logit": logits, "probability": probabilities(logits)}
    return dict(zip(SCORE_COLUMNS, score_probabilities(logits).T, strict=True))


def fold_of(
    splits: pl.DataFrame,
    number: int,
    feed: TileLoader,
    tiles: Tiles,
    scale: TrainingScale | None = None,
) -> Fold:
    """One fold of a splits table, its tiles found in the cache."""
    places = pl.DataFrame({"tile_id": tiles.tile_ids, "row": np.arange(len(tiles.tile_ids))})
    table = splits.filter(pl.col("fold") == number).drop("fold")
    table = table.join(places, on="tile_id", how="left").sort("tile_id")
    return Fold(feed, table, tiles.key, scale)

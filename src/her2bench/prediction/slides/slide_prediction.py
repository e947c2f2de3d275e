"""One slide predicted: each tile's probability, call and distance from the training tiles."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.data.decoding.reading import SourceImage
from her2bench.prediction.forward import probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.predictor import Predictor
from her2bench.prediction.slides.slide_tiles import SlideTiles, SlideTiling, tiles_of
from her2bench.prediction.slides.tile_stream import BATCH, tile_batches

THUMBNAIL = 1600
"""Pixels of a heatmap's longer side."""


@dataclass(frozen=True)
class SlidePrediction:
    """A predicted slide.

    Attributes:
        name: of the slide, without folder and ending.
        path: of the slide.
        width, height: pixels at full resolution.
        origin: x, y of the part that viewers show.
        tiles: which were asked for.
        table: `tile_id, x, y, width, height, logit, probability, calibrated_probability, call,
            distance`, and `p0` to `p3` of a network of the four scores; one row per tile that could
            be read.
        unreadable: reason by place in `tiles`.
        cut: the threshold on the scale of `probability`.
        thumbnail: (h, w, 3) uint8.
    """

    name: str
    path: Path
    width: int
    height: int
    origin: tuple[int, int]
    tiles: SlideTiles
    table: pl.DataFrame
    unreadable: dict[int, str]
    cut: float
    thumbnail: np.ndarray


def predict_slide(
    name: str,
    path: Path,
    image: SourceImage,
    predictor: Predictor,
    tiling: SlideTiling,
    advance: Callable[[int, int], object] = lambda done, of: None,
) -> SlidePrediction:
    """Predict the tissue tiles of a slide.

    Args:
        name: of the slide; the tiles' ids begin with it.
        path: of the slide.
        image: the open slide.
        predictor: the networks.
        tiling: how the slide is divided.
        advance: called with tiles done and all tiles.

    Raises:
        UserError: no tissue, no scale, or no tile can be read.
        UnreadableImage: its overview cannot be read.
    """
    tiles = tiles_of(path, image, predictor.scale, tiling)
    size = predictor.description.size
    batch = BATCH.get(predictor.networks.device.type, 32)
    rows, logits, away = [], [], []
    bad: dict[int, str] = {}
    # Closed whatever happens: no thread may read from a slide that is closed.
    with closing(tile_batches(image, tiles, size, predictor.training, batch)) as parts:
        for part in parts:
            rows.append(part.rows)
            away.append(part.distances)
            logits.append(predictor.logits(part.pixels))
            bad |= part.unreadable
            advance(sum(map(len, rows)) + len(bad), len(tiles.corners))
    if len(bad) == len(tiles.corners):
        raise UserError(
            path,
            found=f"none of its {len(bad)} tissue tiles can be read:{listed(set(bad.values()), 3)}",
            hint="copy the slide again from its source",
        )
    table = _table(name, tiles, np.concatenate(rows), np.concatenate(logits), predictor)
    distance = np.concatenate(away)
    table = table.with_columns(distance=pl.Series(distance, dtype=pl.Float64).fill_nan(None))
    sides = image.width, image.height
    shown = image.overview(THUMBNAIL)
    return SlidePrediction(
        name, path, *sides, image.origin, tiles, table, bad, predictor.cut, shown
    )


def _table(
    name: str, tiles: SlideTiles, rows: np.ndarray, logits: np.ndarray, predictor: Predictor
) -> pl.DataFrame:
    if not np.isfinite(logits).all():
        where = predictor.ensemble.members[0].run.path
        raise UserError(where, found="its network returns logits that are not finite numbers")
    x, y = tiles.corners[rows].T
    calibrated = predictor.calibrated(logits)
    side = pl.lit(tiles.side, pl.Int64)
    positive = pl.col("logit") > predictor.threshold
    table = pl.DataFrame({"x": x, "y": y, "logit": logits, "probability": probabilities(logits)})
    scores = score_columns(predictor.models, logits)
    return table.select(
        pl.format("{}_x{}_y{}", pl.lit(name), "x", "y").alias("tile_id"),
        *("x", "y", side.alias("width"), side.alias("height"), "logit", "probability"),
        pl.Series("calibrated_probability", calibrated, pl.Float64)
        if calibrated is not None
        else pl.lit(None, pl.Float64).alias("calibrated_probability"),
        pl.when(positive).then(pl.lit("positive")).otherwise(pl.lit("negative")).alias("call"),
        *(pl.Series(score, values) for score, values in scores.items()),
    )

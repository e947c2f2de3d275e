"""The gallery's pictures: thumbnails and Grad-CAM maps of selected test tiles."""

import shutil

import numpy as np
import polars as pl
import torch

from her2bench.comparison.prepared import Prepared
from her2bench.core.checksums import is_whole_or_older
from her2bench.core.scores import Scores
from her2bench.data.tile_cache.previews import thumbnails
from her2bench.prediction.gradcam import gallery_maps
from her2bench.report.gallery_files import gallery_path, write_gallery
from her2bench.report.gallery_selection import first_seed, gallery_tiles


def draw_gallery(prepared: Prepared, scores: Scores, device: torch.device) -> None:
    """Choose the gallery's tiles, draw their thumbnails and Grad-CAM maps, and store them.

    A tile's map comes from the run that had it as a test tile: the first seed, the tile's fold.
    """
    folder = prepared.folder
    predictions = pl.read_parquet(folder.predictions)
    split = "test" if "test" in set(predictions["split"]) else "val"
    tile_ids = gallery_tiles(predictions, scores.thresholds, split)
    place = gallery_path(folder)
    if not tile_ids or (place.exists() and is_whole_or_older(place)):
        return
    shutil.rmtree(place, ignore_errors=True)
    shown = first_seed(predictions.filter(pl.col("split") == split))
    maps = {m: _maps(prepared, shown, m, tile_ids, device) for m in prepared.config.names}
    known = {model: stack for model, stack in maps.items() if stack is not None}
    pictures = thumbnails(prepared.manifest, tile_ids, square=prepared.config.square)
    write_gallery(folder, tile_ids, pictures, known)


def _maps(
    prepared: Prepared, shown: pl.DataFrame, model: str, tile_ids: list[str], device: torch.device
) -> np.ndarray | None:
    """(tiles, h, w) uint8, in the order of `tile_ids`; None for a network without convolutions."""
    places = {tile_id: row for row, tile_id in enumerate(prepared.tiles.tile_ids)}
    mine = shown.filter(pl.col("model") == model, pl.col("tile_id").is_in(tile_ids))
    maps: dict[str, np.ndarray] = {}
    for (seed, fold), part in mine.group_by("seed", "fold"):
        run = prepared.folder.run(model, int(str(seed)), int(str(fold)))
        ids = part["tile_id"].to_list()
        pixels = prepared.tiles.pixels[[places[tile_id] for tile_id in ids]]
        found = gallery_maps(run, pixels, device)
        if found is None:
            return None
        maps |= dict(zip(ids, found, strict=True))
    return np.stack([maps[tile_id] for tile_id in tile_ids])

"""Thumbnails of tiles for web pages."""

import io
from collections.abc import Collection

import numpy as np
import polars as pl
from PIL import Image

from her2bench.core.parallel import workers
from her2bench.data.decoding.reading import Region, UnreadableImage, read_tiles
from her2bench.data.decoding.rgb import resized
from her2bench.data.decoding.squares import Square, squared
from her2bench.data.tile_cache.cached_tiles import regions_of

THUMBNAIL = 224  # pixels per side


def thumbnails(
    manifest: pl.DataFrame,
    tile_ids: Collection[str],
    size: int = THUMBNAIL,
    square: Square = "squash",
) -> dict[str, bytes]:
    """tile_id → JPEG bytes, of the tiles that can (still) be read.

    Args:
        manifest: with `tile_id`, absolute `path` and, where it has them, regions.
        tile_ids: the tiles wanted.
        size: pixels per side.
        square: what is done with tiles that are not square.
    """
    chosen = manifest.filter(pl.col("tile_id").is_in(list(tile_ids)))
    rows_of: dict[str, list[tuple[str, Region | None]]] = {}
    for tile_id, path, region in zip(
        chosen["tile_id"], chosen["path"], regions_of(chosen), strict=True
    ):
        rows_of.setdefault(path, []).append((tile_id, region))

    def draw(path: str) -> dict[str, bytes]:
        wanted = rows_of[path]
        tiles = read_tiles(path, [region for _, region in wanted])
        return {
            tile_id: _jpeg(squared(tile, square), size)
            for (tile_id, _), tile in zip(wanted, tiles, strict=True)
            if not isinstance(tile, UnreadableImage)  # the page says that it has no picture
        }

    with workers() as pool:
        drawn: dict[str, bytes] = {}
        for some in pool.map(draw, rows_of):
            drawn |= some
        return drawn


def _jpeg(tile: np.ndarray, size: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(resized(tile, size)).save(stream, "JPEG", quality=85)
    return stream.getvalue()

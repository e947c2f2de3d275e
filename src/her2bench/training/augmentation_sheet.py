"""A sheet of augmented tiles, to be looked at before training."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from PIL import Image

from her2bench.core.atomic_io import replacing
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.training.augmentation import augment

MARGIN = 4  # pixels between tiles
WIDE = 16  # pixels between a tile as it is and its versions


def write_sheet(
    manifest: pl.DataFrame,
    size: int,
    kinds: Sequence[str],
    path: Path,
    tiles: int = 6,
    versions: int = 7,
    seed: int = 0,
    strength: float = 1.0,
) -> list[str]:
    """Write a PNG: in each row a tile as it is, then versions of it as training would see them.

    Args:
        manifest: as `read_manifest` gives it; the tiles are drawn from it, one per score in turn.
        size: side of the tiles in training, pixels.
        kinds: of augmentation, as in a recipe.
        path: the PNG.
        tiles, versions: rows, and columns after the first.
        seed: of the draws.
        strength: of the augmentation, as in a recipe.

    Returns:
        The tile_ids, from top to bottom.

    Raises:
        UserError: a tile cannot be read, or the file cannot be written.
    """
    drawn = _drawn(manifest, tiles, seed)
    with tempfile.TemporaryDirectory() as folder:
        pixels = np.array(cached_tiles(drawn, size, Path(folder)).pixels)
    generator = torch.Generator().manual_seed(seed)
    copies = [torch.from_numpy(np.stack([tile] * versions)) for tile in pixels]
    rows = [
        [tile, *augment(same, kinds, generator, strength).numpy()]
        for tile, same in zip(pixels, copies, strict=True)
    ]
    with replacing(path) as temporary:
        Image.fromarray(_sheet(rows, size)).save(temporary, "PNG")
    return drawn["tile_id"].to_list()


def _drawn(manifest: pl.DataFrame, tiles: int, seed: int) -> pl.DataFrame:
    """Tiles of each score in turn, at random."""
    shuffled = manifest.sample(fraction=1.0, shuffle=True, seed=seed)
    turn = pl.int_range(pl.len()).over("score")
    return shuffled.with_columns(_turn=turn).sort("_turn", "score").drop("_turn").head(tiles)


def _sheet(rows: list[list[np.ndarray]], size: int) -> np.ndarray:
    step = size + MARGIN
    height, width = len(rows) * step + MARGIN, len(rows[0]) * step + WIDE
    sheet = np.full((height, width, 3), 255, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = MARGIN + row * step, MARGIN + column * step + (column > 0) * (WIDE - MARGIN)
            sheet[top : top + size, left : left + size] = image
    return sheet

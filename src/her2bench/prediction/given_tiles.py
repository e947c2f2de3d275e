"""Tiles given from Python: arrays, PIL images and paths, as the network sees them."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.data.decoding.rgb import resized, to_rgb
from her2bench.data.decoding.squares import squared
from her2bench.data.decoding.unreadable import UnreadableImage
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.prediction.inputs import LARGEST_TILE, is_slide
from her2bench.prediction.trained_networks import ModelMetadata

One = np.ndarray | Image.Image | str | Path
Images = One | Iterable[One]
"""An array (n, h, w, 3) or (h, w, 3), an image, a path, or several of the last three."""


def given_tiles(images: Images, metadata: ModelMetadata) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of some tiles, and their pixels at the network's size.

    Args:
        images: uint8 RGB arrays, PIL images of any mode, and paths.
        metadata: of the network that is to see them.

    Returns:
        Paths as given and numbers of the others; (n, size, size, 3) uint8.

    Raises:
        UserError: an image cannot be read, is larger than a tile, or an array has another shape or
            type.
    """
    given = _listed(images)
    names = tuple(str(e) if isinstance(e, str | Path) else str(i) for i, e in enumerate(given))
    tiles = np.empty((len(given), metadata.size, metadata.size, 3), np.uint8)
    files = [i for i, each in enumerate(given) if isinstance(each, str | Path)]
    if files:
        tiles[files] = _decoded([Path(names[i]) for i in files], metadata)
    for i, each in enumerate(given):
        if not isinstance(each, str | Path):
            rgb = _rgb(each, f"image {i}")
            tiles[i] = resized(squared(rgb, metadata.square), metadata.size)
    return names, tiles


def _listed(images: Images) -> list[One]:
    if isinstance(images, np.ndarray):
        return list(images) if images.ndim == 4 else [images]
    if isinstance(images, Image.Image | str | Path) or not isinstance(images, Iterable):
        return [images]
    return list(images)


def _decoded(paths: list[Path], metadata: ModelMetadata) -> np.ndarray:
    for path in paths:
        _refuse_slide(path)
    table = pl.DataFrame({"path": [str(path.absolute()) for path in paths]})
    table = table.with_columns(tile_id=pl.col("path"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        how = metadata.decoding, metadata.square
        return np.array(cached_tiles(table, metadata.size, Path(folder), False, *how).pixels)


def _refuse_slide(path: Path) -> None:
    if is_slide(path):
        raise UserError(
            path,
            found="a slide or a core, not a tile",
            expected=f"tiles of at most {LARGEST_TILE} pixels per side, cut as in training",
            hint="her2bench.predict takes slides",
        )


def _rgb(image: np.ndarray | Image.Image, where: str) -> np.ndarray:
    """(h, w, 3) uint8 of one image that is no file."""
    if isinstance(image, Image.Image):
        try:
            image = np.asarray(to_rgb(image))
        except UnreadableImage as error:
            raise UserError(where, found=str(error), hint="convert it to RGB first") from error
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
        array = isinstance(image, np.ndarray)
        kind = f"{image.dtype} {image.shape}" if array else type(image).__name__
        raise UserError(
            where,
            found=kind,
            expected="an array (h, w, 3) uint8 of RGB, a PIL image or a path",
            hint="values from 0 to 1: multiply by 255 and round; tensors: .numpy(), channels last",
        )
    if image.shape[2] != 3 or min(image.shape) == 0 or max(image.shape) > LARGEST_TILE:
        raise UserError(
            where,
            found=f"an array {image.shape}",
            expected=f"(h, w, 3), RGB, of at most {LARGEST_TILE} pixels per side",
            hint="leave out an alpha channel; her2bench.predict takes slides",
        )
    return image

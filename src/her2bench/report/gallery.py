"""The gallery folder: thumbnails of chosen test tiles and where each network looked.

`compare` writes it once, so that the report needs neither images nor weights:

    gallery/index.parquet      one row a tile: tile_id, file (its thumbnail, null if unreadable)
    gallery/tiles/0000.jpg     thumbnails, JPEG
    gallery/maps/<model>.npy   uint8 (tiles, h, w), 0 to 255, in the order of the index
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.errors import UserError
from her2bench.core.files import replacing
from her2bench.core.runs import ComparisonFolder


@dataclass(frozen=True)
class Gallery:
    """The kept pictures.

    Args:
        thumbnails: tile_id → JPEG bytes.
        maps: model → tile_id → (h, w) uint8, 0 where the network did not look.
    """

    thumbnails: dict[str, bytes]
    maps: dict[str, dict[str, np.ndarray]]


def gallery_path(folder: ComparisonFolder) -> Path:
    """Where the gallery of a comparison lies."""
    return folder.path / "gallery"


def write_gallery(
    folder: ComparisonFolder,
    tile_ids: Sequence[str],
    thumbnails: Mapping[str, bytes],
    maps: Mapping[str, np.ndarray],
) -> Path:
    """Write the gallery folder, whole or not at all; one that is there already stays.

    Args:
        folder: the comparison.
        tile_ids: as `gallery_tiles` chose them.
        thumbnails: tile_id → JPEG bytes, for the tiles that could be read.
        maps: model → (tiles, h, w) uint8, in the order of `tile_ids`.

    Returns:
        The folder.
    """
    with replacing(gallery_path(folder)) as place:
        (place / "tiles").mkdir(parents=True)
        (place / "maps").mkdir()
        files = [f"tiles/{i:04d}.jpg" if t in thumbnails else None for i, t in enumerate(tile_ids)]
        for tile, file in zip(tile_ids, files, strict=True):
            if file:
                (place / file).write_bytes(thumbnails[tile])
        for model, stack in maps.items():
            np.save(place / "maps" / f"{model}.npy", stack.astype(np.uint8), allow_pickle=False)
        schema = {"tile_id": pl.String, "file": pl.String}
        pl.DataFrame({"tile_id": list(tile_ids), "file": files}, schema=schema).write_parquet(
            place / "index.parquet"
        )
    return gallery_path(folder)


def read_gallery(folder: ComparisonFolder) -> Gallery:
    """Read the gallery; what is not there is left out, the report says so.

    Raises:
        UserError: a file of it is there and cannot be read.
    """
    place = gallery_path(folder)
    if not (place / "index.parquet").is_file():
        return Gallery({}, {})
    try:
        index = pl.read_parquet(place / "index.parquet", columns=["tile_id", "file"])
        stacks = {p.stem: np.load(p, allow_pickle=False) for p in place.glob("maps/*.npy")}
    except (pl.exceptions.PolarsError, ValueError, EOFError) as error:
        raise UserError(
            place,
            found=f"the gallery cannot be read ({error})",
            cure="delete the gallery folder and run `her2bench compare` again",
        ) from error
    tiles = index["tile_id"].to_list()
    # Only the name counts: a file outside the gallery is never read into a report.
    files = {t: place / "tiles" / Path(file).name for t, file in index.iter_rows() if file}
    thumbnails = {tile: path.read_bytes() for tile, path in files.items() if path.is_file()}
    return Gallery(
        thumbnails, {m: dict(zip(tiles, stack, strict=False)) for m, stack in stacks.items()}
    )

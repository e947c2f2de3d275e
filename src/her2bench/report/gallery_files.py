"""Pictures of a comparison: the gallery, and those of the audit's findings.

`compare` writes it once, so that the report needs neither images nor weights:

    gallery/index.parquet      one row per tile: tile_id, file (its thumbnail, null if unreadable)
    gallery/tiles/0000.jpg     thumbnails, JPEG
    gallery/maps/<model>.npy   uint8 (tiles, h, w), 0 to 255, in the order of the index
    audit/                     the same index and tiles, without maps
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.atomic_io import replacing
from her2bench.core.checksums import is_whole_or_older, seal_folder
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import Wanted, read_table


@dataclass(frozen=True)
class Gallery:
    """The kept pictures.

    Args:
        thumbnails: tile_id → JPEG bytes.
        maps: model → tile_id → (h, w) uint8, 0 where Grad-CAM is zero.
    """

    thumbnails: dict[str, bytes]
    maps: dict[str, dict[str, np.ndarray]]


def gallery_path(folder: ComparisonFolder) -> Path:
    """The gallery folder of a comparison."""
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
        place.mkdir()
        _write_thumbnails(place, tile_ids, thumbnails)
        (place / "maps").mkdir()
        for model, stack in maps.items():
            with (place / "maps" / f"{model}.npy").open("wb") as stream:
                stream.write(_npy(stack.astype(np.uint8)))  # np.save hides why a write fails
        seal_folder(place)
    return gallery_path(folder)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def write_audit_pictures(
    folder: ComparisonFolder, tile_ids: Sequence[str], thumbnails: Mapping[str, bytes]
) -> Path:
    """Write the pictures of the audit's findings, whole or not at all; laid out as the gallery."""
    with replacing(folder.audit_pictures) as place:
        place.mkdir()
        _write_thumbnails(place, tile_ids, thumbnails)
        seal_folder(place)
    return folder.audit_pictures


def read_gallery(folder: ComparisonFolder) -> Gallery:
    """Read the gallery; missing parts are left out, and the report says so.

    Raises:
        UserError: a file of it is there and cannot be read.
    """
    place = gallery_path(folder)
    if not (place / "index.parquet").is_file():
        return Gallery({}, {})
    hint = "run `her2bench compare` again; what is finished is kept"
    with _readable(place, hint):
        _check(place)
        tiles, thumbnails = _read_thumbnails(place)
        stacks = {p.stem: np.load(p, allow_pickle=False) for p in place.glob("maps/*.npy")}
    maps = {m: dict(zip(tiles, stack, strict=False)) for m, stack in stacks.items()}
    return Gallery(thumbnails, maps)


def read_audit_pictures(folder: ComparisonFolder) -> dict[str, bytes]:
    """tile_id → JPEG bytes of the audit's pictures; empty where none are kept.

    Raises:
        UserError: they are there and cannot be read.
    """
    if not (folder.audit_pictures / "index.parquet").is_file():
        return {}
    hint = "delete audit.json and the audit folder, then run `her2bench compare` again"
    with _readable(folder.audit_pictures, hint):
        _check(folder.audit_pictures)
        return _read_thumbnails(folder.audit_pictures)[1]


def _write_thumbnails(
    place: Path, tile_ids: Sequence[str], thumbnails: Mapping[str, bytes]
) -> None:
    (place / "tiles").mkdir()
    files = [f"tiles/{i:04d}.jpg" if t in thumbnails else None for i, t in enumerate(tile_ids)]
    for tile, file in zip(tile_ids, files, strict=True):
        if file:
            (place / file).write_bytes(thumbnails[tile])
    schema = {"tile_id": pl.String, "file": pl.String}
    table = pl.DataFrame({"tile_id": list(tile_ids), "file": files}, schema=schema)
    table.write_parquet(place / "index.parquet")


def _read_thumbnails(place: Path) -> tuple[list[str], dict[str, bytes]]:
    """All tile_ids in order, and the pictures of those that have one."""
    path = place / "index.parquet"
    index = read_table(path, Wanted(("tile_id", "file")))
    index = index.select(pl.col("tile_id", "file").cast(pl.String))
    # Only the name counts: a file outside the folder is never read into a report.
    files = {t: place / "tiles" / Path(file).name for t, file in index.iter_rows() if file}
    kept = {tile: path.read_bytes() for tile, path in files.items() if path.is_file()}
    return index["tile_id"].to_list(), kept


def _check(place: Path) -> None:
    if not is_whole_or_older(place):
        raise ValueError("the checksums do not match")


@contextmanager
def _readable(place: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, ValueError, EOFError) as error:
        raise UserError(
            place,
            found=f"the {place.name} cannot be read ({error})",
            hint=hint,
        ) from error

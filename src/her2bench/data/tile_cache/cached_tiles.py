"""The tile cache: every tile decoded and resized once, then mapped from disk into memory."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.manifest import REGION
from her2bench.data.decoding.reading import Region
from her2bench.data.decoding.squares import Square
from her2bench.data.tile_cache.artifact_cache import cache_folder, keep
from her2bench.data.tile_cache.content_hash import content_key, decoders, digests
from her2bench.data.tile_cache.pixels import Decoding, bytes_of, write_pixels

_FORMAT = 1
Bad = tuple[str, str, str, int]


@dataclass(frozen=True)
class Tiles:
    """The tiles of a manifest at one size.

    Attributes:
        pixels: (n, size, size, 3) uint8 RGB, mapped from disk, read-only.
        tile_ids: the n ids, in the manifest's order.
        bad: (tile_id, path, reason, row of the manifest) of the tiles left out.
        key: names the content; the same images, regions and size give the same key.
    """

    pixels: np.ndarray
    tile_ids: list[str]
    bad: list[Bad]
    key: str


def cached_tiles(
    manifest: pl.DataFrame,
    size: int,
    folder: Path | None = None,
    skip_bad: bool = False,
    decoding: Decoding = "exact",
    square: Square = "squash",
) -> Tiles:
    """The tiles of a manifest, decoded and resized on first use and read from disk afterwards.

    Args:
        manifest: as `read_manifest` gives it, paths absolute.
        size: side of the resized tiles in pixels.
        folder: where to keep them; by default `cache_folder()`.
        skip_bad: leave out tiles that cannot be read, and say so in `Tiles.bad`.
        decoding: `exact`: pixel for pixel what Pillow's full decode and bilinear resize give.
            `fast`: JPEG tiles are scaled by their decoder first; other pixels, so another key.
        square: `squash`, `crop` or `pad`: what is done with tiles that are not square.

    Raises:
        UserError: tiles cannot be read (all are listed), or the disk has no space.
    """
    folder = Path(folder) if folder else cache_folder()
    regions = regions_of(manifest)
    paths = manifest["path"].to_list()
    content = digests(manifest["path"].unique(maintain_order=True).to_list())
    key = _key([content[path] for path in paths], regions, size, decoding, square)
    place = folder / key
    keep(
        place,
        bytes_of(len(paths), size),
        "the resized tiles",
        lambda folder: _write(folder, paths, regions, size, decoding, square),
    )
    reasons = json.loads((place / "tiles.json").read_text(encoding="utf-8"))["bad"]
    rows = ((int(row), reason) for row, reason in reasons.items())
    bad = [(manifest["tile_id"][i], manifest["path"][i], reason, i) for i, reason in rows]
    if bad and (not skip_bad or len(bad) == len(manifest)):
        raise _unreadable(bad, len(manifest))
    left_out = {tile_id for tile_id, *_ in bad}
    good = [tile_id for tile_id in manifest["tile_id"] if tile_id not in left_out]
    return Tiles(np.load(place / "pixels.npy", mmap_mode="r"), good, bad, key)


def regions_of(manifest: pl.DataFrame) -> list[Region | None]:
    """Each tile's region of its image; None where the image is the tile."""
    if "x" not in manifest.columns:
        return [None] * len(manifest)
    rows = manifest.select(REGION).iter_rows()
    return [None if row[0] is None else Region(*row) for row in rows]


def _unreadable(bad: list[Bad], total: int) -> UserError:
    lines = [f"{tile_id}: {path}: {reason}" for tile_id, path, reason, _ in bad]
    return UserError(
        "manifest",
        found=f"{len(bad)} of {total} tiles cannot be read:{listed(lines, most=100)}",
        expected="readable images that hold their regions",
        hint="fix or remove them, or leave them out with --skip-bad"
        if len(bad) < total
        else "check the paths and the files; with none left there is nothing to train on",
    )


def _key(
    contents: list[str],
    regions: list[Region | None],
    size: int,
    decoding: Decoding,
    square: Square,
) -> str:
    rule = ["bilinear", *decoders()]
    rule += ["scaled by the JPEG decoder", version("torch")] if decoding == "fast" else []
    rule += [] if square == "squash" else [square]
    return content_key([_FORMAT, rule, size, contents, regions])


def _write(
    folder: Path,
    paths: list[str],
    regions: list[Region | None],
    size: int,
    decoding: Decoding,
    square: Square,
) -> None:
    bad = write_pixels(folder / "pixels.npy", paths, regions, size, decoding, square)
    record = {"tiles": len(paths) - len(bad), "bad": dict(sorted(bad.items()))}
    (folder / "tiles.json").write_text(json.dumps(record), encoding="utf-8")

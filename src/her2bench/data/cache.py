"""The tile cache: every tile decoded and resized once, then mapped from disk into memory."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.files import TEMPORARY, replacing
from her2bench.core.manifest import REGION
from her2bench.data.pixels import Decoding, bytes_of, write_pixels
from her2bench.data.progress import follow, threads
from her2bench.data.tiles import Region

_FORMAT = 1
_STALE_SECONDS = 3 * 3600.0
Bad = tuple[str, str, str]


@dataclass(frozen=True)
class Tiles:
    """The tiles of a manifest at one size.

    Attributes:
        pixels: (n, size, size, 3) uint8 RGB, mapped from disk, read-only.
        tile_ids: the n ids, in the manifest's order.
        bad: (tile_id, path, reason) of the tiles left out.
        key: names the content; the same images, regions and size give the same key.
    """

    pixels: np.ndarray
    tile_ids: list[str]
    bad: list[Bad]
    key: str


def cache_folder() -> Path:
    """Where tiles are kept: `HER2BENCH_CACHE`, else the user's own cache folder."""
    named = os.environ.get("HER2BENCH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("her2bench")) / "tiles"


def cached_tiles(
    manifest: pl.DataFrame,
    size: int,
    folder: Path | None = None,
    skip_bad: bool = False,
    decoding: Decoding = "exact",
) -> Tiles:
    """The tiles of a manifest, decoded and resized on first use and read from disk afterwards.

    Args:
        manifest: as `read_manifest` gives it, paths absolute.
        size: side of the resized tiles in pixels.
        folder: where to keep them; by default `cache_folder()`.
        skip_bad: leave out tiles that cannot be read, and say so in `Tiles.bad`.
        decoding: `exact`: pixel for pixel what Pillow's full decode and bilinear resize give.
            `fast`: JPEG tiles are scaled by their decoder first; other pixels, so another key.

    Raises:
        UserError: tiles cannot be read (all are listed), or the disk has no room.
    """
    folder = Path(folder) if folder else cache_folder()
    regions = regions_of(manifest)
    digests = _digests(manifest["path"].unique(maintain_order=True).to_list())
    key = _key([digests[path] for path in manifest["path"]], regions, size, decoding)
    place = folder / key
    if not _whole(place, size):
        shutil.rmtree(place, ignore_errors=True)
        _remove_stale(folder)
        _build(place, manifest["path"].to_list(), regions, size, decoding)
    reasons = json.loads((place / "tiles.json").read_text(encoding="utf-8"))["bad"]
    bad = [(manifest["tile_id"][int(i)], manifest["path"][int(i)], r) for i, r in reasons.items()]
    if bad and (not skip_bad or len(bad) == len(manifest)):
        raise _unreadable(bad, len(manifest))
    left_out = {tile_id for tile_id, _, _ in bad}
    good = [tile_id for tile_id in manifest["tile_id"] if tile_id not in left_out]
    return Tiles(np.load(place / "pixels.npy", mmap_mode="r"), good, bad, key)


def regions_of(manifest: pl.DataFrame) -> list[Region | None]:
    """Each tile's region of its image; None where the image is the tile."""
    if "x" not in manifest.columns:
        return [None] * len(manifest)
    rows = manifest.select(REGION).iter_rows()
    return [None if row[0] is None else Region(*row) for row in rows]


def _unreadable(bad: list[Bad], total: int) -> UserError:
    lines = [f"{tile_id}: {path}: {reason}" for tile_id, path, reason in bad]
    return UserError(
        "manifest",
        found=f"{len(bad)} of {total} tiles cannot be read:{listed(lines, most=100)}",
        expected="readable images that hold their regions",
        cure="mend or remove them, or leave them out with --skip-bad"
        if len(bad) < total
        else "check the paths and the files; with none left there is nothing to train on",
    )


def _digests(paths: list[str]) -> dict[str, str]:
    """Each file's blake2b, hashed once; a file that cannot be opened has an empty one."""
    with ThreadPoolExecutor(threads()) as pool:
        futures = {pool.submit(_digest, Path(path)): path for path in paths}
        follow(futures, "checking images")
        return {path: future.result() for future, path in futures.items()}


def _digest(path: Path) -> str:
    total = blake2b(digest_size=16)
    # A MIRAX slide keeps its pixels in a folder beside it; this file holds that folder's identity.
    for part in (path, path.with_suffix("") / "Slidedat.ini"):
        try:
            with part.open("rb") as stream:
                while block := stream.read(1 << 20):
                    total.update(block)
        except OSError:
            if part == path:
                return ""
    return total.hexdigest()


def _key(digests: list[str], regions: list[Region | None], size: int, decoding: Decoding) -> str:
    # The decoder is part of the content: another one may round the same JPEG another way.
    rule = ["bilinear", version("pillow"), version("openslide-bin")]
    rule += ["scaled by the JPEG decoder"] if decoding == "fast" else []
    text = json.dumps([_FORMAT, rule, size, digests, regions])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _whole(place: Path, size: int) -> bool:
    try:
        count = json.loads((place / "tiles.json").read_text(encoding="utf-8"))["tiles"]
        return (place / "pixels.npy").stat().st_size == bytes_of(count, size)
    except (OSError, ValueError, KeyError):
        return False


def _remove_stale(folder: Path) -> None:
    """Remove what killed processes left: temporary folders that nothing has written to for long."""
    for left in folder.glob(f"{TEMPORARY}*"):
        try:
            newest = max(entry.stat().st_mtime for entry in (left, *left.rglob("*")))
        except OSError:
            continue  # its owner is at this moment renaming or removing it
        if left.is_dir() and time.time() - newest > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _build(
    place: Path,
    paths: list[str],
    regions: list[Region | None],
    size: int,
    decoding: Decoding,
) -> None:
    _check_room(place.parent, bytes_of(len(paths), size))
    try:
        with replacing(place) as temporary:
            temporary.mkdir()
            bad = write_pixels(temporary / "pixels.npy", paths, regions, size, decoding)
            record = {"tiles": len(paths) - len(bad), "bad": dict(sorted(bad.items()))}
            (temporary / "tiles.json").write_text(json.dumps(record), encoding="utf-8")
    except (OSError, UserError):
        if not _whole(place, size):  # another process was first: as good as our own
            raise


def _check_room(folder: Path, needed: int) -> None:
    existing = next(f for f in (folder, *folder.absolute().parents) if f.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            folder,
            found=f"{free / 1e9:.2f} GB free",
            expected=f"{needed / 1e9:.2f} GB for the resized tiles",
            cure="free some space, name another folder in HER2BENCH_CACHE, or use a smaller size",
        )

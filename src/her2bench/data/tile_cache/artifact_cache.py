"""Folders of the cache: written atomically, named after their content."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs

from her2bench.core.atomic_io import TEMPORARY, check_writable, replacing, writing
from her2bench.core.checksums import is_whole, seal_folder
from her2bench.core.errors import UserError
from her2bench.core.notes import note

_NAMED = "--cache or HER2BENCH_CACHE"
_STALE_SECONDS = 3 * 3600.0


def cache_folder() -> Path:
    """Where tiles are kept: `HER2BENCH_CACHE`, else the user's own cache folder."""
    named = os.environ.get("HER2BENCH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("her2bench")) / "tiles"


def keep(
    place: Path,
    needed: int,
    what: str,
    write: Callable[[Path], None],
) -> None:
    """Make a folder of the cache, unless it is there already and holds what was written.

    Args:
        place: the folder.
        needed: bytes that it will take.
        what: what takes them, for the message that there is no space.
        write: fills a new folder, which then takes the place.

    Raises:
        UserError: the disk has no space, or cannot be written.
    """
    with writing(place, f"name another folder with {_NAMED}"):
        if is_whole(place):
            return
        check_writable(place.parent, _NAMED)
    _remove_damaged(place)
    _remove_stale(place.parent)
    _check_space(place.parent, needed, what)
    try:
        with replacing(place) as temporary:
            temporary.mkdir()
            write(temporary)
            seal_folder(temporary)
    except (OSError, UserError):
        if not is_whole(place):  # another process was first: as good as our own
            raise


def _remove_damaged(place: Path) -> None:
    if place.is_dir():
        note(place, "kept by an earlier version, or damaged since: made again")
        shutil.rmtree(place, ignore_errors=True)
    elif place.is_file():
        place.unlink()


def _remove_stale(folder: Path) -> None:
    """Remove the temporary folders of killed processes: those not written to for long."""
    for left in folder.glob(f"{TEMPORARY}*"):
        try:
            newest = max(entry.stat().st_mtime for entry in (left, *left.rglob("*")))
        except OSError:
            continue  # its owner is at this moment renaming or removing it
        if left.is_dir() and time.time() - newest > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _check_space(folder: Path, needed: int, what: str) -> None:
    existing = next(f for f in (folder, *folder.absolute().parents) if f.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            folder,
            found=f"{free / 1e9:.2f} GB free",
            expected=f"{needed / 1e9:.2f} GB for {what}",
            hint="free some space, name another folder in HER2BENCH_CACHE, or use a smaller size",
        )

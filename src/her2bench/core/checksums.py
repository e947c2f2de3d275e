"""Checksums of kept files: what has changed since it was written is not believed."""

import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from her2bench.core.atomic_io import replacing
from her2bench.core.config import parsed_toml
from her2bench.core.errors import UserError
from her2bench.core.machine import usable_cores

RECORD = "checksums.toml"
_SPAN = 16 << 20  # bytes of a file for one thread
_PIECE = 1 << 18  # read at once: stays in the processor's cache
_FIRST_LINE = "# checksum "


def checksum(path: Path) -> str:
    """The size and the CRC-32 of a file; a long file is read by all cores at once."""
    size = path.stat().st_size
    starts = range(0, size, _SPAN)
    if len(starts) < 2:
        return f"{size}-{_crc(path, 0):08x}"
    with ThreadPoolExecutor(min(usable_cores(), len(starts))) as pool:
        parts = list(pool.map(partial(_crc, path), starts))
    return f"{size}-{zlib.crc32(b''.join(part.to_bytes(4, 'big') for part in parts)):08x}"


def checksums(folder: Path) -> dict[str, str]:
    """The checksums of all files of a folder, by their path in it; not of its own record."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: checksum(path) for name, path in named.items() if name != RECORD}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a small TOML file, whole or not at all, with its own checksum on its first line."""
    text = tomli_w.dumps(record)
    with replacing(path) as temporary:
        temporary.write_text(
            f"{_FIRST_LINE}{zlib.crc32(text.encode()):08x}\n{text}", encoding="utf-8", newline="\n"
        )


def read_record(path: Path, *, sealed: bool = True) -> dict[str, Any]:
    """What `write_record` wrote.

    Args:
        path: the file.
        sealed: refuse a file without a checksum; earlier versions wrote none into DONE.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    start = _FIRST_LINE.encode()
    if content.startswith(start):
        first, _, content = content.partition(b"\n")
        if first != start + f"{zlib.crc32(content):08x}".encode():
            raise ValueError("its checksum is another")
    elif sealed:
        raise ValueError("it has no checksum")
    return parsed_toml(content.decode("utf-8"))


def opened_record(path: Path, hint: str, *, sealed: bool = True) -> dict[str, Any]:
    """As `read_record`; damage is an error that names the file.

    Raises:
        UserError: it is damaged, or cannot be read.
    """
    try:
        return read_record(path, sealed=sealed)
    except (ValueError, OSError) as error:
        raise damaged(path, str(error), hint) from error


def damaged(path: Path, why: str, hint: str) -> UserError:
    """The message that a kept file is not what was written."""
    expected = "the file as `her2bench compare` wrote it"
    return UserError(path, found=f"cannot be read: damaged ({why})", expected=expected, hint=hint)


def seal_folder(folder: Path) -> None:
    """Write the checksums of all files of a folder into it, and the folder's name."""
    write_record(folder / RECORD, {"of": folder.name, "files": checksums(folder)})


def is_whole(folder: Path) -> bool:
    """Whether a folder holds the very files that it was sealed with."""
    try:
        expected = {"of": folder.name, "files": checksums(folder)}
        return read_record(folder / RECORD) == expected
    except (OSError, ValueError):
        return False


def is_whole_or_older(folder: Path) -> bool:
    """As `is_whole`, for folders in which earlier versions wrote no checksums."""
    return is_whole(folder) or not (folder / RECORD).exists()


def _crc(path: Path, start: int) -> int:
    buffer, found, left = memoryview(bytearray(_PIECE)), 0, _SPAN
    with path.open("rb", buffering=0) as stream:
        stream.seek(start)
        while left and (count := stream.readinto(buffer[: min(_PIECE, left)])):
            found = zlib.crc32(buffer[:count], found)
            left -= count
    return found

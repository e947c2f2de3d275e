"""One `.npy` file of resized tiles, written by all cores at once."""

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from her2bench.core.memory import keep_memory
from her2bench.core.parallel import follow, workers
from her2bench.data.decoding.reading import Region, UnreadableImage, read_scaled, read_tiles
from her2bench.data.decoding.rgb import quickly_resized, resized
from her2bench.data.decoding.squares import Square, squared

Decoding = Literal["exact", "fast"]

_TILES_PER_PIECE = (
    256  # of one image, for one thread: few openings, and a slide keeps all cores busy
)


def write_pixels(
    path: Path,
    images: list[str],
    regions: list[Region | None],
    size: int,
    decoding: Decoding = "exact",
    square: Square = "squash",
) -> dict[int, str]:
    """Decode and resize tiles into a `.npy` file, (good tiles, size, size, 3) uint8.

    Args:
        path: the file to write.
        images: each tile's image.
        regions: each tile's region of it, or None for all of it.
        size: side of a resized tile in pixels.
        decoding: `exact`, or `fast`: a whole-image JPEG tile scaled by its decoder first.
        square: what is done with tiles that are not square.

    Returns:
        The reason for each tile that could not be read, by its row; the file holds the others.
    """
    keep_memory()  # or threads wait for each other's page faults, with every decoded tile
    with path.open("w+b") as stream:
        bad = _decode(stream, images, regions, size, decoding, square)
        good = [row for row in range(len(images)) if row not in bad]
        _close_gaps(stream, len(images), good, size)
        stream.flush()
        os.fsync(stream.fileno())
    return bad


def bytes_of(count: int, size: int) -> int:
    """Bytes of the file that holds so many tiles.

    >>> bytes_of(2, 10) - bytes_of(1, 10)
    300
    """
    return len(_header(count, size)) + count * size * size * 3


def _decode(
    stream: BinaryIO,
    images: list[str],
    regions: list[Region | None],
    size: int,
    decoding: Decoding,
    square: Square,
) -> dict[int, str]:
    start, step = len(_header(len(images), size)), size * size * 3
    lock, bad = threading.Lock(), {}

    def work(image: str, rows: list[int]) -> None:
        wanted = [regions[row] for row in rows]
        scaled = read_scaled(image, size) if decoding == "fast" and wanted == [None] else None
        tiles, resize = read_tiles(image, wanted), resized
        if scaled is not None:
            tiles, resize = [scaled], quickly_resized
        for row, tile in zip(rows, tiles, strict=True):
            if isinstance(tile, UnreadableImage):
                bad[row] = str(tile)
                continue
            block = np.ascontiguousarray(resize(squared(tile, square), size)).data
            # Plain writes: through a memory map a full disk ends the process without a word.
            with lock:
                stream.seek(start + row * step)
                stream.write(block)

    with workers() as pool:
        follow([pool.submit(work, *piece) for piece in _pieces(images)], "decoding tiles")
    return bad


def _pieces(images: list[str]) -> Iterator[tuple[str, list[int]]]:
    rows_of: dict[str, list[int]] = {}
    for row, image in enumerate(images):
        rows_of.setdefault(image, []).append(row)
    for image, rows in rows_of.items():
        for first in range(0, len(rows), _TILES_PER_PIECE):
            yield image, rows[first : first + _TILES_PER_PIECE]


def _close_gaps(stream: BinaryIO, total: int, good: list[int], size: int) -> None:
    """Move the good tiles together and write the header; in place, to need no more disk space."""
    start, step = len(_header(total, size)), size * size * 3
    for new, old in enumerate(good):
        if new != old:
            stream.seek(start + old * step)
            block = stream.read(step)
            stream.seek(start + new * step)
            stream.write(block)
    stream.truncate(start + len(good) * step)
    stream.seek(0)
    stream.write(_header(len(good), size))


def _header(count: int, size: int) -> bytes:
    """The file's head; numpy pads it, so that its length does not depend on the count."""
    stream = io.BytesIO()
    head = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(stream, head)
    return stream.getvalue()

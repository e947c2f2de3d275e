"""A tiled, pyramidal TIFF, written tile by tile: slides for tests and benchmarks."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

TILE = 256
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_FORMATS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I"}


def write_pyramid(
    path: Path,
    sizes: Sequence[tuple[int, int]],
    tile_of: Callable[[int, int, int], np.ndarray],
    mpp: float | None = None,
    quality: int | None = None,
) -> None:
    """Write a pyramid of any size in constant memory.

    Args:
        path: the TIFF, below 4 GB.
        sizes: width and height of each level, the largest first.
        tile_of: level, x and y of a tile's corner at that level → (256, 256, 3) uint8.
        mpp: µm/pixel of the first level.
        quality: of JPEG; without it tiles are compressed without loss.
    """
    with path.open("wb") as stream:
        stream.write(b"II*\0\0\0\0\0")
        places = []
        for level, (width, height) in enumerate(sizes):
            corners = [(x, y) for y in range(0, height, TILE) for x in range(0, width, TILE)]
            packed = (_packed(tile_of(level, x, y), quality) for x, y in corners)
            places.append([(stream.tell(), stream.write(tile)) for tile in packed])
        at = 4
        for level, size in enumerate(sizes):
            at = _directory(stream, at, _tags(level, size, places[level], mpp, quality))


def pyramid_of(
    path: Path,
    image: np.ndarray,
    levels: int = 3,
    mpp: float | None = None,
    quality: int | None = None,
) -> None:
    """Write an image (h, w, 3) as a pyramid, each level half of the one before."""
    pictures = [Image.fromarray(image)]
    for _ in range(levels - 1):
        pictures.append(pictures[-1].reduce(2))
    arrays = [np.asarray(picture) for picture in pictures]

    def tile_of(level: int, x: int, y: int) -> np.ndarray:
        part = arrays[level][y : y + TILE, x : x + TILE]
        return np.pad(part, ((0, TILE - part.shape[0]), (0, TILE - part.shape[1]), (0, 0)))

    write_pyramid(path, [picture.size for picture in pictures], tile_of, mpp, quality)


def _packed(tile: np.ndarray, quality: int | None) -> bytes:
    if quality is None:
        return zlib.compress(tile.tobytes(), 1)
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def _tags(
    level: int,
    size: tuple[int, int],
    places: list[tuple[int, int]],
    mpp: float | None,
    quality: int | None,
) -> list[tuple[int, int, list[int]]]:
    """Number, type and values of each tag, in order."""
    jpeg = quality is not None
    dots = [round(10_000 / mpp * 1000), 1000] if mpp and level == 0 else None
    resolution = [(tag, _RATIONAL, dots) for tag in (282, 283) if dots]
    return [
        (254, _LONG, [int(level > 0)]),
        *((tag, _LONG, [side]) for tag, side in zip((256, 257), size, strict=True)),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [7 if jpeg else 8]),
        (262, _SHORT, [6 if jpeg else 2]),
        (277, _SHORT, [3]),
        *resolution,
        (284, _SHORT, [1]),
        *([(296, _SHORT, [3])] if dots else []),
        *((tag, _SHORT, [TILE]) for tag in (322, 323)),
        (324, _LONG, [offset for offset, _ in places]),
        (325, _LONG, [count for _, count in places]),
        *([(530, _SHORT, [1, 1])] if jpeg else []),
    ]


def _directory(stream: BinaryIO, at: int, tags: list[tuple[int, int, list[int]]]) -> int:
    """Write a directory, and its place at `at`; returns where the next one's place belongs."""
    entries = b""
    for tag, kind, values in tags:
        data = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        count = len(values) // 2 if kind == _RATIONAL else len(values)
        if len(data) > 4:
            stream.seek(0, 2)
            stream.write(b"\0" * (stream.tell() % 2))
            where = stream.tell()
            stream.write(data)
            data = struct.pack("<I", where)
        entries += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
    stream.seek(0, 2)
    stream.write(b"\0" * (stream.tell() % 2))
    start = stream.tell()
    stream.write(struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0))
    end = stream.tell() - 4
    stream.seek(at)
    stream.write(struct.pack("<I", start))
    return end

"""The directories of a TIFF file, walked with limits before a decoder follows them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from her2bench.data.decoding.unreadable import UnreadableImage

MOST_DIRECTORIES = 64
MOST_PIECES = 100_000  # strips or tiles of one picture that is decoded whole
MOST_TILES = 20_000_000  # of a level of a slide
MOST_TILE_PIXELS = 2**26  # of one of these; scanners write some hundred per side
_MOST_READ = 4  # times the file's size, by all values together
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_WIDTH, _HEIGHT, _KIND, _OLD_KIND, _INNER = 256, 257, 254, 255, (330, 34665, 34853, 40965)
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_PLACES = (273, 279, 324, 325)
_TILE_WIDTH, _TILE_HEIGHT, _TILE_PLACES = 322, 323, 324
_COLOURS, _KNOWN_COLOURS = (
    262,
    (0, 1, 2, 3, 5, 6, 8),
)  # white, black, RGB, palette, CMYK, YCbCr, Lab


@dataclass(frozen=True)
class _Directory:
    """By tag, the first value and how many there are."""

    first: dict[int, int]
    counts: dict[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height."""
        return self.first.get(_WIDTH, 0), self.first.get(_HEIGHT, 0)

    @property
    def copy(self) -> bool:
        """Whether it says of itself that it is a reduced copy or a mask."""
        kind, old = self.first.get(_KIND, 0), self.first.get(_OLD_KIND)
        return bool(kind & (_REDUCED | _MASK)) or old == _OLD_REDUCED

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Width and height of its tiles; 0 where it has none."""
        return self.first.get(_TILE_WIDTH, 0), self.first.get(_TILE_HEIGHT, 0)


@dataclass(frozen=True)
class _Layout:
    """How numbers and directories are written: classic or BigTIFF, either byte order."""

    order: str
    big: bool

    def number(self, data: bytes) -> int:
        """An unsigned number of 1, 2, 4 or 8 bytes."""
        return int.from_bytes(data, "little" if self.order == "<" else "big")


_LAYOUTS = {
    b"II*\0": _Layout("<", False),
    b"MM\0*": _Layout(">", False),
    b"II+\0": _Layout("<", True),
    b"MM\0+": _Layout(">", True),
}


def is_tiff(head: bytes) -> bool:
    """Whether a file's first 4 bytes are those of a TIFF."""
    return head in _LAYOUTS


def count_pictures(stream: IO[bytes]) -> int:
    """How many pictures a TIFF holds, reduced copies and masks not counted; at least 1.

    Raises:
        UnreadableImage: a loop of directories, or more of them, of values or of strips than any
            picture has: decoders take minutes over such files.
    """
    pictures = [each for each in _chain(stream, MOST_PIECES) if not each.copy]
    if not pictures:
        return 1
    first = pictures[0].shape
    return 1 + sum(not _smaller(each.shape, first) for each in pictures[1:])


def check_tiles(stream: IO[bytes]) -> None:
    """Check that every tiled directory of a TIFF lists the tiles that its size needs.

    libtiff takes those that are missing as empty, and the others for their neighbours; where it
    does not know the colours, it can end the process.

    Raises:
        UnreadableImage: fewer tiles, tiles that are too large, unknown colours, or see
            `count_pictures`.
    """
    for each in _chain(stream, MOST_TILES):
        (width, height), (across, down) = each.shape, each.tile_shape
        if not (across and down):
            continue
        if across * down > MOST_TILE_PIXELS:
            raise UnreadableImage(f"damaged: in tiles of {across} x {down} pixels")
        colours = each.first.get(_COLOURS)
        if colours not in _KNOWN_COLOURS:
            raise UnreadableImage(f"damaged: unknown colours ({colours})")
        wanted, listed = -(-width // across) * -(-height // down), each.counts.get(_TILE_PLACES, 0)
        if listed < wanted:
            raise UnreadableImage(
                f"damaged: {width} x {height} pixels are {wanted} tiles, and it lists {listed}"
            )


def _chain(stream: IO[bytes], most_pieces: int) -> Iterator[_Directory]:
    stream.seek(0)
    head = stream.read(16)
    layout = _LAYOUTS[head[:4]]
    size = stream.seek(0, os.SEEK_END)
    place = layout.number(head[8:16] if layout.big else head[4:8])
    return _Walk(stream, layout, size, most_pieces).chain(place)


class _Walk:
    """A walk over directories that keeps count of what it has seen."""

    def __init__(self, stream: IO[bytes], layout: _Layout, size: int, most_pieces: int) -> None:
        self._stream, self._layout, self._size = stream, layout, size
        self._most_pieces = most_pieces
        self._seen: set[int] = set()
        self._read = 0

    def chain(self, place: int) -> Iterator[_Directory]:
        """The directories of a chain."""
        while 0 < place < self._size:
            if place in self._seen:
                raise UnreadableImage("damaged: its directories go round in a circle")
            self._seen.add(place)
            if len(self._seen) > MOST_DIRECTORIES:
                raise UnreadableImage(f"holds more than {MOST_DIRECTORIES} directories")
            directory, place = self._directory(place)
            yield directory

    def _directory(self, place: int) -> tuple[_Directory, int]:
        big, number = self._layout.big, self._layout.number
        head, entry = (8, 20) if big else (2, 12)
        self._stream.seek(place)
        count = number(self._stream.read(head))
        block = self._stream.read(min(count * entry, self._size))
        following = number(self._stream.read(8 if big else 4))
        found = _Directory({}, {})
        inner: list[int] = []
        for start in range(0, len(block) - entry + 1, entry):
            tag, kind = number(block[start : start + 2]), number(block[start + 2 : start + 4])
            values = number(block[start + 4 : start + (12 if big else 8)])
            field = block[start + (12 if big else 8) : start + entry]
            self._weigh(tag, values, values * _SIZES.get(kind, 1))
            width = _SIZES.get(kind, 1)
            found.counts[tag] = values
            found.first[tag] = number(field[:width] if values * width <= len(field) else field)
            if tag in _INNER and values:
                inner.append(found.first[tag])
        for start in inner:
            for _ in self.chain(start):
                pass
        return found, following

    def _weigh(self, tag: int, values: int, size: int) -> None:
        self._read += min(size, self._size)
        if self._read > _MOST_READ * self._size + (1 << 20):
            raise UnreadableImage("damaged: its tags hold more than the file does")
        if tag in _PLACES and values > self._most_pieces:
            raise UnreadableImage(
                f"in more than {self._most_pieces:,} strips or tiles: save it again"
            )


def _smaller(shape: tuple[int, int], first: tuple[int, int]) -> bool:
    """Whether it can be a step of a pyramid: smaller, and of the same shape to a pixel."""
    if not (0 < shape[0] < first[0] and 0 < shape[1] < first[1]):
        return False
    return abs(shape[0] * first[1] - shape[1] * first[0]) <= max(first)

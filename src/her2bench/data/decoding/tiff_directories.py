"""The directories of a TIFF file, walked with limits before a decoder follows them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from her2bench.data.decoding.unreadable import UnreadableImage

MOST_DIRECTORIES = 64
MOST_PIECES = 100_000  # strips or tiles of one picture
_MOST_READ = 4  # times the file's size, by all values together
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_WIDTH, _HEIGHT, _KIND, _OLD_KIND, _INNER = 256, 257, 254, 255, (330, 34665, 34853, 40965)
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_PLACES = (273, 279, 324, 325)


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
    stream.seek(0)
    head = stream.read(16)
    layout = _LAYOUTS[head[:4]]
    size = stream.seek(0, os.SEEK_END)
    place = layout.number(head[8:16] if layout.big else head[4:8])
    walk = _Walk(stream, layout, size)
    pictures = [tags for tags in walk.chain(place) if not _copy(tags)]
    if not pictures:
        return 1
    first = _shape(pictures[0])
    return 1 + sum(not _smaller(_shape(tags), first) for tags in pictures[1:])


class _Walk:
    """A walk over directories that keeps count of what it has seen."""

    def __init__(self, stream: IO[bytes], layout: _Layout, size: int) -> None:
        self._stream, self._layout, self._size = stream, layout, size
        self._seen: set[int] = set()
        self._read = 0

    def chain(self, place: int) -> Iterator[dict[int, int]]:
        """The directories of a chain: by tag, its first value."""
        while 0 < place < self._size:
            if place in self._seen:
                raise UnreadableImage("damaged: its directories go round in a circle")
            self._seen.add(place)
            if len(self._seen) > MOST_DIRECTORIES:
                raise UnreadableImage(f"holds more than {MOST_DIRECTORIES} directories")
            tags, place = self._directory(place)
            yield tags

    def _directory(self, place: int) -> tuple[dict[int, int], int]:
        big, number = self._layout.big, self._layout.number
        head, entry = (8, 20) if big else (2, 12)
        self._stream.seek(place)
        count = number(self._stream.read(head))
        block = self._stream.read(min(count * entry, self._size))
        following = number(self._stream.read(8 if big else 4))
        tags: dict[int, int] = {}
        inner: list[int] = []
        for start in range(0, len(block) - entry + 1, entry):
            tag, kind = number(block[start : start + 2]), number(block[start + 2 : start + 4])
            values = number(block[start + 4 : start + (12 if big else 8)])
            field = block[start + (12 if big else 8) : start + entry]
            self._weigh(tag, values, values * _SIZES.get(kind, 1))
            width = _SIZES.get(kind, 1)
            tags[tag] = number(field[:width] if values * width <= len(field) else field)
            if tag in _INNER and values:
                inner.append(tags[tag])
        for start in inner:
            for _ in self.chain(start):
                pass
        return tags, following

    def _weigh(self, tag: int, values: int, size: int) -> None:
        self._read += min(size, self._size)
        if self._read > _MOST_READ * self._size + (1 << 20):
            raise UnreadableImage("damaged: its tags hold more than the file does")
        if tag in _PLACES and values > MOST_PIECES:
            raise UnreadableImage(f"in more than {MOST_PIECES:,} strips or tiles: save it again")


def _copy(tags: dict[int, int]) -> bool:
    return bool(tags.get(_KIND, 0) & (_REDUCED | _MASK)) or tags.get(_OLD_KIND) == _OLD_REDUCED


def _shape(tags: dict[int, int]) -> tuple[int, int]:
    return tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0)


def _smaller(shape: tuple[int, int], first: tuple[int, int]) -> bool:
    """Whether it can be a step of a pyramid: smaller, and of the same shape to a pixel."""
    if not (0 < shape[0] < first[0] and 0 < shape[1] < first[1]):
        return False
    return abs(shape[0] * first[1] - shape[1] * first[0]) <= max(first)

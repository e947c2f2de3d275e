"""JPEG files whose data ends early: libjpeg fills the rest with grey without a warning."""

import itertools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from her2bench.data.decoding.unreadable import BROKEN, UnreadableImage

MOST_SEGMENTS = 2_000
MOST_SCANS = 100
"""Encoders write about 10; each costs a pass over the whole picture."""
_USUAL_SCANS, _MOST_WORK = 12, 300_000_000  # scans; scans times pixels beyond them: seconds
_SOS, _EOI = 0xDA, 0xD9
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1, 0xC3, 0xC9, 0xCB)
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_DATA_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_INTERVAL = b"\xff\xdd\0\4"  # head of the segment that announces restart marks
_ZEROS = bytes(32)  # all but impossible in coded data, save of perfectly even pictures
_GARBAGE = b"\x55\xa6\x9c\x35"
_COEFFICIENTS = 64


@dataclass
class Scans:
    """What the scans of a JPEG hold.

    Attributes:
        starts: where each scan's coded data starts in the file.
        missing: for each component, which of its 64 coefficients have not come in full.
        sequential: whether each scan holds its blocks whole (not a progressive JPEG).
        pixels: of the picture.
    """

    starts: list[int] = field(default_factory=list)
    missing: dict[int, set[int]] = field(default_factory=dict)
    sequential: bool = True
    pixels: int = 0

    def frame(self, kind: int, header: bytes) -> None:
        """Note the picture's size and components."""
        height, width = struct.unpack(">HH", header[1:5])
        self.pixels = height * width
        self.sequential = kind in _SEQUENTIAL
        self.missing = {part: set(range(_COEFFICIENTS)) for part in header[6::3]}

    def scan(self, header: bytes, start: int) -> None:
        """Note what a scan of this header brings."""
        count = header[0]
        first, last, bits = header[1 + 2 * count : 4 + 2 * count]
        if self.sequential:
            first, last, bits = 0, _COEFFICIENTS - 1, 0
        for component in header[1 : 1 + 2 * count : 2]:
            if bits & 15 == 0 and component in self.missing:
                self.missing[component] -= set(range(first, last + 1))
        self.starts.append(start)

    @property
    def complete(self) -> bool:
        return bool(self.starts) and not any(self.missing.values())


def check_segments(stream: BinaryIO) -> None:
    """Refuse a file that holds more segments before its picture than any encoder writes."""
    stream.seek(2)
    for _ in range(MOST_SEGMENTS):
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == _SOS:
            return
        if head[1] in (0xFF, *_ALONE):
            stream.seek(-3 if head[1] == 0xFF else -2, 1)
        else:
            stream.seek(max(0, struct.unpack(">H", head[2:])[0] - 2), 1)
    raise UnreadableImage(f"damaged: more than {MOST_SEGMENTS:,} segments before the picture")


def scans_of(data: bytes) -> Scans:
    """The scans of a JPEG; of a sequential one, up to the scan that completes it.

    Raises:
        UnreadableImage: more of them than any encoder writes.
    """
    scans, place = Scans(), 2
    while found := _MARKER.search(data, place):
        kind, body = data[found.start() + 1], found.end() + 2
        if kind == _EOI:
            break
        place = found.end()
        if kind in _ALONE:
            continue
        place += int.from_bytes(data[found.end() : body], "big")
        if kind in _FRAMES:
            scans.frame(kind, data[body:place])
        elif kind == _SOS:
            scans.scan(data[body:place], place)
            count = len(scans.starts)
            if count > MOST_SCANS or (count > _USUAL_SCANS and count * scans.pixels > _MOST_WORK):
                raise UnreadableImage(f"more than {count - 1} scans: no encoder writes so many")
            if scans.sequential and scans.complete:
                break
            place = _end(data, place, _DATA_END)
    return scans


def check_complete(
    data: bytes, scans: Scans, pixels: np.ndarray, decoded: Callable[[bytes], np.ndarray]
) -> None:
    """Refuse a JPEG that is incomplete although its decoder reports no error.

    Three signs are looked for: scans that a progressive JPEG still lacks; an end in the grey that
    stands for blocks without data; and runs of zeros. The last two can be innocent, so the file
    is decoded again with other bytes where the data ends: if more bytes change the picture, some
    were missing; if other bytes do not, the picture had ended before them.

    Args:
        data: the file.
        scans: what `scans_of` says of it.
        pixels: (h, w, 3) uint8, as decoded.
        decoded: decodes other bytes in the same way.
    """
    if not scans.complete:
        raise UnreadableImage("damaged: it was cut off, its last scans never arrived")
    zeros = data.find(_ZEROS, scans.starts[0])
    restarts = _INTERVAL in data[: scans.starts[0]]
    if scans.sequential and zeros < 0 and not restarts and not _ends_grey(pixels):
        return

    def changed(*parts: bytes) -> bool:
        try:
            return not np.array_equal(decoded(b"".join(parts)), pixels)
        except BROKEN:
            return True

    ends = {_end(data, start, _DATA_END) for start in scans.starts}
    surplus = False
    if 0 <= zeros < max(ends):
        start, end = max(s for s in scans.starts if s <= zeros), _end(data, zeros, _MARKER)
        ends.add(end)
        unused = not changed(data[: end - 4], _GARBAGE, data[end:])
        # In a perfectly even picture other bytes change nothing, wherever they stand.
        surplus = unused and changed(data[:start], _GARBAGE, data[start + 4 :])
    cuts = [0, *sorted(ends), len(data)]
    longer = (4 * _GARBAGE).join(data[low:high] for low, high in itertools.pairwise(cuts))
    if surplus or changed(longer) or not _in_order(data[scans.starts[0] : max(ends)]):
        raise UnreadableImage("damaged: a part of its picture never arrived")


def _in_order(coded: bytes) -> bool:
    """Whether restart marks, where there are any, count from 0 to 7 again and again."""
    marks = [mark[1] & 7 for mark in _RESTART.findall(coded)]
    return all(mark == (before + 1) % 8 or mark == 0 for before, mark in itertools.pairwise(marks))


def _end(data: bytes, start: int, marker: re.Pattern[bytes]) -> int:
    found = marker.search(data, start)
    return found.start() if found else len(data)


def _ends_grey(pixels: np.ndarray) -> bool:
    return bool((np.abs(pixels[-1, -1].astype(int) - 127.5) < 1).all())

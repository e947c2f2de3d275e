"""Where two tiles may overlap: several of their keypoints look alike and vote for one offset.

Looked for twice: among all keypoints, and among those along opposite borders alone. A narrow strip
holds few keypoints, and of many tiles' keypoints too many look like them; there are fewer along
one border, and only the opposite border can show the same strip.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from her2bench.audit.matching.hamming_index import SortedCodes
from her2bench.audit.matching.keypoints import FINENESS, NOWHERE

_MOST_KEYPOINTS, _FEWEST = 12_000_000, 48  # of all tiles, of one: so that memory suffices
_STRIP = 0.08  # of the side: keypoints at most so far from a border are its own
_AT_ONCE = 250_000  # keypoints, all of a tile together
_CELL = 2.0  # pixels of the shrunk tile: votes for one offset lie within it
_CELL_BITS, _CELL_MASK = 10, 1023
_LEAST_VOTES = 2


@dataclass(frozen=True)
class TileKeypoints:
    """Keypoints of all tiles, places and sizes in pixels of the tiles as shrunk by `scale`."""

    codes: np.ndarray
    places: np.ndarray
    size: np.ndarray
    scale: np.ndarray

    def of(self, tile: int) -> tuple[np.ndarray, np.ndarray]:
        used = self.places[tile, :, 0] != NOWHERE
        return self.codes[tile, used], self.places[tile, used].astype(np.float32) / FINENESS


@dataclass(frozen=True)
class _Some:
    """Some keypoints of many tiles, tile by tile.

    Attributes:
        tile: (n,) int64.
        code: (n,) uint64.
        place: (n, 2) float32, pixels of the shrunk tile.
    """

    tile: np.ndarray
    code: np.ndarray
    place: np.ndarray

    def __getitem__(self, chosen: np.ndarray | slice) -> "_Some":
        return _Some(self.tile[chosen], self.code[chosen], self.place[chosen])

    def parts(self) -> Iterator["_Some"]:
        """A few at a time, never a tile's keypoints in two parts."""
        ends = np.flatnonzero(np.diff(self.tile, append=-1)) + 1
        start = 0
        while start < len(self.tile):
            end = int(ends[min(np.searchsorted(ends, start + _AT_ONCE), len(ends) - 1)])
            yield self[start:end]
            start = end


def candidates(tiles: TileKeypoints, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of tiles for which several keypoints vote for one offset.

    Args:
        tiles: all tiles.
        rows: (m,) int, rising, those to compare.

    Returns:
        (k, 2) int64 pairs, the first less than the second, some more than once; (k, 2) float, the
        offset of the second in the first, pixels of the shrunk tile.
    """
    used = tiles.places[rows, :, 0] != NOWHERE
    most = max(_FEWEST, _MOST_KEYPOINTS // max(1, len(rows)))
    every = _strongest(tiles, rows, used, most)
    found = [_voted(tiles, every, every, later=True)]
    for axis in (0, 1):
        at, side = tiles.places[rows, :, axis], FINENESS * tiles.size[rows, axis, None]
        low, high = used & (at < _STRIP * side), used & (at >= (1 - _STRIP) * side)
        ends, starts = (_strongest(tiles, rows, border, most) for border in (high, low))
        found.append(_voted(tiles, ends, starts))
    pairs, offsets = (np.concatenate(each) for each in zip(*found, strict=True))
    back = pairs[:, 0] > pairs[:, 1]
    pairs[back], offsets[back] = pairs[back, ::-1], -offsets[back]
    return pairs, offsets


def _strongest(tiles: TileKeypoints, rows: np.ndarray, chosen: np.ndarray, most: int) -> _Some:
    """At most `most` keypoints per tile of those chosen, (m, MOST) bool; strongest first."""
    at, which = np.nonzero(chosen & (np.cumsum(chosen, axis=1, dtype=np.uint16) <= most))
    tile = rows[at]
    place = tiles.places[tile, which].astype(np.float32) / FINENESS
    return _Some(tile, tiles.codes[tile, which], place)


def _voted(
    tiles: TileKeypoints, asking: _Some, asked: _Some, later: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The offsets with most votes, of pairs of a query tile and a candidate."""
    index = SortedCodes.of(asked.code, asked.tile)
    n = len(tiles.codes)
    found = [(np.empty((0, 2), np.int64), np.empty((0, 2)))]
    for part in asking.parts():
        a, b = index.alike(part.code, part.tile, later)
        same = tiles.scale[part.tile[a]] == tiles.scale[asked.tile[b]]
        a, b = a[same], b[same]
        pair = part.tile[a] * n + asked.tile[b]
        found.append(_most_voted(pair, part.place[a] - asked.place[b], n))
    pairs, offsets = zip(*found, strict=True)
    return np.concatenate(pairs), np.concatenate(offsets)


def _most_voted(pair: np.ndarray, delta: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The offset with most votes of each pair; cells are laid four ways, for votes at an edge."""
    tables = [_votes(pair, delta, shift) for shift in ((0, 0), (0, 0.5), (0.5, 0), (0.5, 0.5))]
    table = np.concatenate(tables)
    table = table[np.lexsort([-table[:, 1], table[:, 0]])]
    _, first = np.unique(table[:, 0], return_index=True)
    pairs = table[first, 0].astype(np.int64)
    return np.stack([pairs // n, pairs % n], axis=1), table[first, 2:]


def _votes(pair: np.ndarray, delta: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """(k, 4): pair, votes and mean offset for each cell with enough votes."""
    cell = np.floor(delta / _CELL + shift).astype(np.int64) & _CELL_MASK
    key = (pair << 2 * _CELL_BITS) | (cell[:, 0] << _CELL_BITS) | cell[:, 1]
    order = np.argsort(key)
    key = key[order]
    several = np.zeros(len(key), bool)  # most votes stand alone, by chance
    several[1:] = key[1:] == key[:-1]
    several[:-1] |= several[1:]
    key, order = key[several], order[several]
    if not len(key):
        return np.empty((0, 4))
    values, start, votes = np.unique(key, return_index=True, return_counts=True)
    sums = np.add.reduceat(delta[order], start, axis=0, dtype=float)
    table = np.column_stack([values >> 2 * _CELL_BITS, votes, sums / votes[:, None]])
    return table[votes >= _LEAST_VOTES]

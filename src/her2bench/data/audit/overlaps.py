"""Tiles that show a common part, wherever it lies in each, found by their landmarks."""

from dataclasses import dataclass

import numpy as np

from her2bench.data.audit.landmarks import FINENESS, NOWHERE, ROOM
from her2bench.data.audit.matching import alike, different_bits
from her2bench.data.audit.observations import Observations
from her2bench.data.audit.signatures import reduction

_MOST_LANDMARKS, _FEWEST = 6_000_000, 48  # of all tiles, of one: so that memory suffices
_CELL = 2.0  # pixels of the shrunk tile: votes for one offset lie within it
_CELL_BITS, _CELL_MASK = 10, 1023
_LEAST_VOTES = 2
_REACH = 1.5  # pixels of the shrunk tile between a landmark and where it should be
_BITS = 12  # of 64, where a landmark is sought in its place: less strict than anywhere
LEAST_FOUND, LEAST_SHARE = 5, 0.15
_LEAST_BOTH = 3.0  # found times share: of few landmarks most must be found again


@dataclass(frozen=True)
class Overlaps:
    """Pairs of tiles with a common part.

    Attributes:
        pairs: (k, 2) int64, the first less than the second.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile.
        shared: (k,) float, the common part's share of the (smaller) tile.
        found: (k,) int, landmarks of the common part that both tiles have.
        share: (k,) float, these of all landmarks there, of the tile that has fewer.
    """

    pairs: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    found: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class _Tiles:
    """Landmarks of all tiles, places in pixels of the shrunk tiles."""

    codes: np.ndarray
    places: np.ndarray
    size: np.ndarray
    scale: np.ndarray

    def of(self, tile: int) -> tuple[np.ndarray, np.ndarray]:
        used = self.places[tile, :, 0] != NOWHERE
        return self.codes[tile, used], self.places[tile, used].astype(np.float32) / FINENESS


def find_overlaps(observations: Observations, rows: np.ndarray) -> Overlaps:
    """All pairs of the given rows that show a common part, not turned.

    Args:
        observations: with the fields of `SIGNATURES`.
        rows: (m,) int, the tiles to compare.
    """
    scale = np.array([reduction(height, width) for width, height in observations["tile_size"]])
    tiles = _Tiles(
        observations["landmark_codes"],
        observations["landmark_places"],
        observations["tile_size"] / scale[:, None],
        scale,
    )
    pairs, offsets = _candidates(tiles, rows)
    kept = [_verified(tiles, i, j, offset) for (i, j), offset in zip(pairs, offsets, strict=True)]
    good = np.array([each is not None for each in kept], bool)
    values = np.array([each for each in kept if each is not None]).reshape(-1, 5)
    return Overlaps(
        pairs[good], values[:, :2], values[:, 2], values[:, 3].astype(int), values[:, 4]
    )


def _candidates(tiles: _Tiles, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of tiles for which several landmarks vote for one offset, (k, 2), and that, (k, 2)."""
    most = max(_FEWEST, _MOST_LANDMARKS // max(1, len(rows)))  # the strongest stand first
    owner, which = np.nonzero(tiles.places[rows, :most, 0] != NOWHERE)
    owner = rows[owner]
    matches = alike(tiles.codes[owner, which], owner)
    first, second = owner[matches.T]
    a, b = (tiles.places[owner[m], which[m]].astype(np.float32) / FINENESS for m in matches.T)
    same = tiles.scale[first] == tiles.scale[second]
    return _most_voted(
        first[same] * len(tiles.codes) + second[same], (a - b)[same], len(tiles.codes)
    )


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


def _verified(tiles: _Tiles, i: int, j: int, offset: np.ndarray) -> tuple | None:
    """Offset (full resolution), shared part, landmarks found and their share; None if too few."""
    low = np.maximum(0, offset)
    high = np.minimum(tiles.size[i], offset + tiles.size[j])
    if (high <= low).any():
        return None
    codes_i, places_i = _within(*tiles.of(i), low, high)
    codes_j, places_j = _within(*tiles.of(j), low - offset, high - offset)
    if min(len(codes_i), len(codes_j)) < LEAST_FOUND:
        return None
    delta = places_i[:, None] - places_j[None]
    near = (np.abs(delta - offset) < _REACH).all(-1)
    a, b = np.nonzero(near)
    good = different_bits(codes_i[a], codes_j[b]) <= _BITS
    a, b = a[good], b[good]
    found = min(len(set(a)), len(set(b)))
    share = found / min(len(codes_i), len(codes_j))
    if found < LEAST_FOUND or share < LEAST_SHARE or found * share < _LEAST_BOTH:
        return None
    exact = delta[a, b].mean(0)
    shared = np.prod(high - low) / min(np.prod(tiles.size[i]), np.prod(tiles.size[j]))
    return *(exact * tiles.scale[i]), shared, found, share


def _within(
    codes: np.ndarray, places: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The landmarks whose surroundings lie within a part of the tile."""
    inside = ((places >= low + ROOM) & (places <= high - ROOM - 1)).all(1)
    return codes[inside], places[inside]

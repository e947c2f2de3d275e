"""Tiles that show a common part, wherever it lies in each, found by their keypoints."""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.hamming_index import different_bits
from her2bench.audit.matching.keypoints import MARGIN
from her2bench.audit.matching.matching_features import reduction
from her2bench.audit.matching.offset_voting import TileKeypoints, candidates
from her2bench.audit.matching.thumbnails import overlap_agreement

_REACH = 1.5  # pixels of the shrunk tile between a keypoint and where it should be
_BITS = 12  # of 64, where a keypoint is sought in its place: less strict than anywhere
LEAST_FOUND, LEAST_SHARE = 5, 0.15
_LEAST_BOTH = 3.0  # found times share: of few keypoints most must be found again
# Narrow strips hold few keypoints: there the looks must agree well, along half of a side at least.
_FEWEST_FOUND, _GOOD_AGREEMENT, _LEAST_LENGTH = 3, 0.8, 0.5
# More can be alike by chance among thousands of tiles, on another ground; so many not.
_MANY_FOUND, _LEAST_AGREEMENT = 12, 0.5


@dataclass(frozen=True)
class Overlaps:
    """Pairs of tiles with a common part.

    Attributes:
        pairs: (k, 2) int64, the first less than the second.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile.
        shared: (k,) float, the common part's share of the (smaller) tile.
        found: (k,) int, keypoints of the common part that both tiles have.
        share: (k,) float, these of all keypoints there, of the tile that has fewer.
    """

    pairs: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    found: np.ndarray
    share: np.ndarray


def find_overlaps(observations: Observations, rows: np.ndarray) -> Overlaps:
    """All pairs of the given rows that show a common part, not turned.

    Args:
        observations: with the fields of `MATCHING_FEATURES`.
        rows: (m,) int, the tiles to compare.
    """
    scale = np.array([reduction(height, width) for width, height in observations["tile_size"]])
    tiles = TileKeypoints(
        observations["keypoint_codes"],
        observations["keypoint_places"],
        observations["tile_size"] / scale[:, None],
        scale,
    )
    pairs, offsets = candidates(tiles, rows)
    looks = observations["look"]
    kept = [
        _verified(tiles, looks, i, j, offset) for (i, j), offset in zip(pairs, offsets, strict=True)
    ]
    good = np.array([each is not None for each in kept], bool)
    values = np.array([each for each in kept if each is not None]).reshape(-1, 5)
    return _best(pairs[good], values)


def _best(pairs: np.ndarray, values: np.ndarray) -> Overlaps:
    """Of each pair the offset at which most keypoints are found again; values as `_verified`'s."""
    order = np.lexsort([-values[:, 3], pairs[:, 1], pairs[:, 0]])
    pairs, values = pairs[order], values[order]
    first = np.ones(len(pairs), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(1)
    pairs, values = pairs[first], values[first]
    return Overlaps(pairs, values[:, :2], values[:, 2], values[:, 3].astype(int), values[:, 4])


def _verified(
    tiles: TileKeypoints, looks: np.ndarray, i: int, j: int, offset: np.ndarray
) -> tuple[float, ...] | None:
    """Offset (full resolution), shared part, keypoints found and their share; None if too few."""
    low = np.maximum(0, offset)
    high = np.minimum(tiles.size[i], offset + tiles.size[j])
    if (high <= low).any():
        return None
    codes_i, places_i = _within(*tiles.of(i), low, high)
    codes_j, places_j = _within(*tiles.of(j), low - offset, high - offset)
    fewer = min(len(codes_i), len(codes_j))
    if fewer < _FEWEST_FOUND:
        return None
    delta = places_i[:, None] - places_j[None]
    near = (np.abs(delta - offset) < _REACH).all(-1)
    a, b = np.nonzero(near)
    good = different_bits(codes_i[a], codes_j[b]) <= _BITS
    a, b = a[good], b[good]
    found = min(len(set(a)), len(set(b)))
    if found < _FEWEST_FOUND or found / fewer < LEAST_SHARE:
        return None
    enough = found >= LEAST_FOUND and found**2 / fewer >= _LEAST_BOTH
    if not enough or found < _MANY_FOUND:
        sizes = tiles.size[i], tiles.size[j]
        long = ((high - low) >= _LEAST_LENGTH * np.minimum(*sizes)).any()
        least = _LEAST_AGREEMENT if enough else _GOOD_AGREEMENT
        if not (enough or long) or overlap_agreement(looks[i], looks[j], offset, sizes) < least:
            return None
    exact = delta[a, b].mean(0)
    shared = np.prod(high - low) / min(np.prod(tiles.size[i]), np.prod(tiles.size[j]))
    return *(exact * tiles.scale[i]), shared, found, found / fewer


def _within(
    codes: np.ndarray, places: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The keypoints whose surroundings lie within a part of the tile."""
    inside = ((places >= low + MARGIN) & (places <= high - MARGIN - 1)).all(1)
    return codes[inside], places[inside]

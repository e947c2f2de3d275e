"""Pairs of tiles that show the same picture, whatever its file format or edit."""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.overlaps import Overlaps
from her2bench.audit.matching.thumbnails import similar_looks

SAME_BYTES, SAME_PIXELS, RECOMPRESSED = "same bytes", "same pixels", "re-compressed"
TURNED, SHIFTED = "flipped or rotated", "shifted"
DUPLICATES = (SAME_BYTES, SAME_PIXELS, RECOMPRESSED, TURNED, SHIFTED)
LEAST_SHARED = 0.5
"""Share of the tile from which a common part makes two tiles duplicates, not neighbours."""
_LEAST_SHIFT = 0.5  # pixels at full resolution
_FLAT = 1  # grey levels from the darkest to the lightest field: nothing to be a duplicate of


@dataclass(frozen=True)
class Duplicates:
    """Pairs of tiles that show the same picture.

    Of many copies of one file only the pairs with the first are named, so that the number of
    pairs stays near the number of copies: join pairs (connected components) to get whole sets.

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, one of `DUPLICATES`.
        symmetry: (k,) int, 0 to 7: how the second must be turned to lie on the first
            (`thumbnails.turned`); 0 is not at all.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile; 0 unless shifted.
        shared: (k,) float, 0 to 1: share of the tile that both show.
        confidence: (k,) float, 0 to 1: 1 where bytes or pixels are identical, the correlation of
            the two pictures where they are altered, the share of keypoints found again where
            shifted.
    """

    pairs: np.ndarray
    kind: np.ndarray
    symmetry: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Copies:
    """Identical files and pixels, and one tile of each picture: the tiles that a search compares.

    Attributes:
        pairs: (k, 2) int64, the first of each set with each other of it.
        bytes_alike: (k,) bool, the files are the same; else only the pixels.
        single: (m,) int64, rows: every picture once; unreadable tiles are left out.
    """

    pairs: np.ndarray
    bytes_alike: np.ndarray
    single: np.ndarray


def find_copies(observations: Observations) -> Copies:
    """The tiles whose bytes or pixels are identical."""
    rows = np.flatnonzero(observations.readable)
    looks = observations["look"]
    flat = (looks.max((1, 2)) - looks.min((1, 2)) <= _FLAT)[rows]
    pixels = observations["pixel_digest"][rows].view("V16").ravel()
    _, first, of = np.unique(pixels, return_index=True, return_inverse=True)
    original = rows[first[of.ravel()]]
    copied = (original != rows) & ~flat
    pairs = np.stack([original[copied], rows[copied]], axis=1)
    files = observations["file_digest"]
    alike = (files[pairs[:, 0]] == files[pairs[:, 1]]).all(1) & files[pairs[:, 0]].any(1)
    return Copies(pairs, alike, np.unique(original))


def find_duplicates(looks: np.ndarray, copies: Copies, overlaps: Overlaps) -> Duplicates:
    """All pairs of tiles that show the same picture (shifted: at least half of it).

    Args:
        looks: (n, side, side) uint8, of all tiles.
        copies: identical files and pixels.
        overlaps: of the pictures that differ.
    """
    near, symmetry, agreement = similar_looks(looks[copies.single])
    near = copies.single[near]
    large = (overlaps.shared >= LEAST_SHARED) & (
        np.abs(overlaps.offset).max(1, initial=0) >= _LEAST_SHIFT
    )
    n = len(looks)
    moved = np.isin(keys(near, n), keys(overlaps.pairs[large], n)) & (symmetry == 0)
    parts = (
        _exact(copies),
        _altered(near[~moved], symmetry[~moved], agreement[~moved]),
        _shifted(overlaps, large),
    )
    return Duplicates(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def keys(pairs: np.ndarray, n: int) -> np.ndarray:
    """(k,) int: one number for each pair of n rows."""
    return pairs[:, 0] * n + pairs[:, 1]


_Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _exact(copies: Copies) -> _Columns:
    k = len(copies.pairs)
    kind = np.where(copies.bytes_alike, SAME_BYTES, SAME_PIXELS)
    return copies.pairs, kind, np.zeros(k, int), np.zeros((k, 2)), np.ones(k), np.ones(k)


def _altered(pairs: np.ndarray, symmetry: np.ndarray, agreement: np.ndarray) -> _Columns:
    k = len(pairs)
    kind = np.where(symmetry > 0, TURNED, RECOMPRESSED)
    return pairs, kind, symmetry, np.zeros((k, 2)), np.ones(k), np.clip(agreement, 0, 1)


def _shifted(overlaps: Overlaps, large: np.ndarray) -> _Columns:
    k = int(large.sum())
    return (
        overlaps.pairs[large],
        np.full(k, SHIFTED),
        np.zeros(k, int),
        overlaps.offset[large],
        overlaps.shared[large],
        overlaps.share[large],
    )

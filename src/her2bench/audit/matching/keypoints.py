"""Keypoints of a tile: small dark or light spots, with a descriptor of the tissue around each.

The same spot is found again in another tile that shows the same place, wherever it lies there.
Spots are the extrema of a difference of Gaussians, placed between pixels (Lowe 2004, "Distinctive
image features from scale-invariant keypoints"). A spot's code is 64 signs of fixed random
projections of its surroundings (Charikar 2002): few of them change by compression.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage

RADIUS = 5
"""Pixels of the surroundings; small, so that strips of 5% of a tile hold whole ones."""
MARGIN = 2
"""Pixels from a keypoint to the border: what lies beyond of its surroundings is mirrored."""
MOST_A_SIDE, MOST_INSIDE = 64, 128
MOST = 4 * MOST_A_SIDE + MOST_INSIDE
FINENESS = 64
"""Places are kept in this part of a pixel."""
NOWHERE = np.iinfo(np.uint16).max
_LEAST_CONTRAST = 1.5  # grey levels
_BAND = 0.08  # of the side: here keypoints lie dense, for tiles that overlap by a narrow strip
_DENSE, _SPARSE = 2, 5  # pixels: a keypoint is the strongest spot within


class Keypoints(NamedTuple):
    """The keypoints of a tile; those not filled lie `NOWHERE`.

    Attributes:
        codes: (MOST,) uint64.
        places: (MOST, 2) uint16, x and y in pixels of the (shrunk) tile times `FINENESS`.
    """

    codes: np.ndarray
    places: np.ndarray


def find_keypoints(grey: np.ndarray) -> Keypoints:
    """The keypoints of a picture, (h, w) float32 in grey levels."""
    fine = ndimage.gaussian_filter(grey, 1.0, truncate=3)
    fine -= ndimage.gaussian_filter(grey, 2.0, truncate=3)
    contrast = np.abs(fine)
    y, x = _spots(contrast)
    places = np.stack([x + _between(contrast, y, x, 1), y + _between(contrast, y, x, 0)], axis=1)
    codes = np.zeros(MOST, np.uint64)
    kept = np.full((MOST, 2), NOWHERE, np.uint16)
    codes[: len(x)] = _codes(fine, places)
    kept[: len(x)] = np.rint(places * FINENESS)
    return Keypoints(codes, kept)


def _spots(contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the keypoints: dense along the borders, sparse inside.

    The strongest of each side and of the inside stand first, so that the first few will do where
    there are too many tiles for all.
    """
    height, width = contrast.shape
    peak = contrast == ndimage.maximum_filter(contrast, 2 * _DENSE + 1)
    wide = contrast == ndimage.maximum_filter(contrast, 2 * _SPARSE + 1)
    peak &= contrast > _LEAST_CONTRAST
    margin = MARGIN
    y, x = np.nonzero(peak[margin : height - margin, margin : width - margin])
    y, x = y + margin, x + margin
    order = np.argsort(-contrast[y, x], kind="stable")
    y, x = y[order], x[order]
    depth = np.stack([x / width, y / height, 1 - (x + 1) / width, 1 - (y + 1) / height])
    side, near = depth.argmin(0), depth.min(0) < _BAND + RADIUS / max(height, width)
    areas = [(near & (side == s), MOST_A_SIDE) for s in range(4)]
    areas.append((~near & wide[y, x], MOST_INSIDE))
    kept = [np.flatnonzero(area)[:most] for area, most in areas]
    rank = [np.arange(len(k)) / most for k, (_, most) in zip(kept, areas, strict=True)]
    kept = np.concatenate(kept)[np.argsort(np.concatenate(rank), kind="stable")]
    return y[kept], x[kept]


def _between(contrast: np.ndarray, y: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """How far from its pixel a spot lies along an axis, -0.5 to 0.5, by a parabola."""
    down, right = (1, 0) if axis == 0 else (0, 1)
    before, at, after = (contrast[y + k * down, x + k * right] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    return np.clip((before - after) / np.minimum(2 * bend, -1e-6), -0.5, 0.5)


@cache
def _projections() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places around a keypoint, and 64 random patterns over them.

    A pattern sums to 0 over each ring, for a keypoint is round in the middle: what would be the
    same in all of them carries no information.
    """
    y, x = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    distance = np.hypot(x, y)
    inside = distance <= RADIUS + 0.5
    ring = np.rint(distance[inside]).astype(int)
    patterns = np.random.default_rng(0).standard_normal((64, len(ring))).astype(np.float32)
    for r in range(ring.max() + 1):
        patterns[:, ring == r] -= patterns[:, ring == r].mean(1, keepdims=True)
    return y[inside], x[inside], patterns


def _codes(fine: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(k,) uint64 of the keypoints at (k, 2) places."""
    dy, dx, patterns = _projections()
    fine = np.pad(fine, RADIUS, mode="symmetric")
    places = places + RADIUS
    x, y = places.T[..., None]
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, low = (x - left).astype(np.float32), (y - top).astype(np.float32)
    left, top = left + dx, top + dy
    upper = fine[top, left] * (1 - right) + fine[top, left + 1] * right
    lower = fine[top + 1, left] * (1 - right) + fine[top + 1, left + 1] * right
    signs = ((upper * (1 - low) + lower * low) @ patterns.T) > 0
    return np.packbits(signs, axis=1).view(np.uint64).ravel()

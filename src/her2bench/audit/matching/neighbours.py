"""Pairs of tiles cut from overlapping or adjoining places of one slide."""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.matching.duplicates import LEAST_SHARED, keys
from her2bench.audit.matching.overlaps import Overlaps
from her2bench.audit.matching.seams import Seams

OVERLAPPING, ADJACENT = "overlapping", "adjacent"
NEIGHBOURS = (OVERLAPPING, ADJACENT)


@dataclass(frozen=True)
class Neighbours:
    """Pairs of tiles that lie beside each other on one slide; duplicates are not among them.

    Of tiles with identical pixels only the first is used (`Duplicates` names the rest).

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, `overlapping` or `adjacent`.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile's frame, e.g. (256, 0) for the next on the right.
        shared: (k,) float, 0 to 0.5: share of the tile that both show; 0 where adjacent.
        confidence: (k,) float, 0 to 1: the share of keypoints found again where overlapping, the
            correlation of the borders where adjacent.
    """

    pairs: np.ndarray
    kind: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


def find_neighbours(
    size: np.ndarray, overlaps: Overlaps, seams: Seams, duplicates: np.ndarray
) -> Neighbours:
    """All pairs of tiles that overlap by less than half, or whose edges continue each other.

    Args:
        size: (n, 2), width and height of all tiles.
        overlaps, seams: of the pictures that differ.
        duplicates: (k, 2), the pairs that are duplicates.
    """
    n = len(size)
    little = overlaps.shared < LEAST_SHARED
    step = size[seams.pairs[:, 0]] * np.where(seams.below[:, None], [0, 1], [1, 0]).astype(float)
    back = seams.pairs[:, 0] > seams.pairs[:, 1]
    step[back] *= -1
    pairs = np.sort(seams.pairs, axis=1)
    key = keys(pairs, n)
    best = np.argsort(-seams.correlation, kind="stable")  # of two seams of one pair
    best = best[np.unique(key[best], return_index=True)[1]]
    new = np.zeros(len(key), bool)
    new[best] = ~np.isin(key[best], keys(np.concatenate([duplicates, overlaps.pairs]), n))
    k, m = int(little.sum()), int(new.sum())
    return Neighbours(
        np.concatenate([overlaps.pairs[little], pairs[new]]),
        np.repeat(NEIGHBOURS, [k, m]),
        np.concatenate([overlaps.offset[little], step[new]]),
        np.concatenate([overlaps.shared[little], np.zeros(m)]),
        np.concatenate([overlaps.share[little], seams.correlation[new]]),
    )

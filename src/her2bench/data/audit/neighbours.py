"""Neighbours: tiles cut from overlapping or adjoining places of one slide."""

from dataclasses import dataclass

import numpy as np

from her2bench.data.audit.adjacency import find_seams
from her2bench.data.audit.duplicates import (
    LEAST_SHARED,
    find_common_parts,
    find_copies,
    find_duplicates,
)
from her2bench.data.audit.observations import Observations
from her2bench.data.audit.remembered import remembered

OVERLAPPING, ADJACENT = "overlapping", "adjacent"
NEIGHBOURS = (OVERLAPPING, ADJACENT)


@dataclass(frozen=True)
class Neighbours:
    """Pairs of tiles that lie beside each other on one slide; duplicates are not among them.

    Of tiles with identical pixels only the first is looked at (`find_duplicates` names the rest).

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, `overlapping` or `adjacent`.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile's frame, e.g. (256, 0) for the next on the right.
        shared: (k,) float, 0 to 0.5: share of the tile that both show; 0 where adjacent.
        confidence: (k,) float, 0 to 1: the share of landmarks found again where overlapping, the
            correlation of the borders where adjacent.
    """

    pairs: np.ndarray
    kind: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


@remembered
def find_neighbours(observations: Observations) -> Neighbours:
    """All pairs of tiles that overlap by less than half, or whose edges continue each other.

    Args:
        observations: with the fields of `SIGNATURES`.
    """
    n = len(observations["look"])
    overlaps = find_common_parts(observations)
    little = overlaps.shared < LEAST_SHARED
    seams = find_seams(observations, find_copies(observations).single)
    size = observations["tile_size"][seams.pairs[:, 0]]
    step = np.where(seams.below[:, None], size * [0, 1], size * [1, 0]).astype(float)
    back = seams.pairs[:, 0] > seams.pairs[:, 1]
    step[back] *= -1
    pairs = np.sort(seams.pairs, axis=1)
    known = np.concatenate([find_duplicates(observations).pairs, overlaps.pairs])
    key = pairs[:, 0] * n + pairs[:, 1]
    new = ~np.isin(key, known[:, 0] * n + known[:, 1])
    new &= np.isin(np.arange(len(key)), np.unique(key, return_index=True)[1])
    k, m = int(little.sum()), int(new.sum())
    return Neighbours(
        np.concatenate([overlaps.pairs[little], pairs[new]]),
        np.repeat(NEIGHBOURS, [k, m]),
        np.concatenate([overlaps.offset[little], step[new]]),
        np.concatenate([overlaps.shared[little], np.zeros(m)]),
        np.concatenate([overlaps.share[little], seams.correlation[new]]),
    )

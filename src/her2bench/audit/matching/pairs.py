"""All pairs of tiles that show the same picture, a common part, or adjoining places."""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.duplicates import Duplicates, find_copies, find_duplicates
from her2bench.audit.matching.neighbours import ADJACENT, Neighbours, find_neighbours
from her2bench.audit.matching.overlaps import find_overlaps
from her2bench.audit.matching.seams import find_seams

_SURELY_ADJACENT = 0.65  # correlation at the seam: chance seldom reaches it, most neighbours do


@dataclass(frozen=True)
class TilePairs:
    """Duplicates, and neighbours that are no duplicates."""

    duplicates: Duplicates
    neighbours: Neighbours

    @property
    def of_one_slide(self) -> np.ndarray:
        """(k, 2) int64, rows of tiles that are surely of one slide."""
        beside = self.neighbours
        sure = (beside.kind != ADJACENT) | (beside.confidence >= _SURELY_ADJACENT)
        return np.concatenate([self.duplicates.pairs, beside.pairs[sure]])


def find_pairs(observations: Observations) -> TilePairs:
    """Search all tiles for duplicates and neighbours; each search is made once.

    Args:
        observations: with the fields of `MATCHING_FEATURES`.
    """
    copies = find_copies(observations)
    overlaps = find_overlaps(observations, copies.single)
    seams = find_seams(observations, copies.single)
    duplicates = find_duplicates(observations["look"], copies, overlaps)
    size = observations["tile_size"]
    return TilePairs(duplicates, find_neighbours(size, overlaps, seams, duplicates.pairs))

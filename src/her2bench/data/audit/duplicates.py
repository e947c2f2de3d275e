"""Exact and near duplicates: the same picture twice, whatever was done to its file."""

from dataclasses import dataclass

import numpy as np

from her2bench.data.audit.evidence import Evidence, Found
from her2bench.data.audit.observations import Observations

SAME_BYTES, SAME_PIXELS, RECOMPRESSED = "same bytes", "same pixels", "re-compressed"
TURNED, SHIFTED = "flipped or rotated", "shifted"
DUPLICATES = (SAME_BYTES, SAME_PIXELS, RECOMPRESSED, TURNED, SHIFTED)


@dataclass(frozen=True)
class Duplicates:
    """Pairs of tiles that show the same picture.

    Of many copies of one file only the pairs with the first are named, so that the number of
    pairs stays near the number of copies: join pairs (connected components) to get whole sets.

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, one of `DUPLICATES`.
        symmetry: (k,) int, 0 to 7: how the second must be turned to lie on the first
            (`turned`); 0 is not at all.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile; 0 unless shifted.
        shared: (k,) float, 0 to 1: share of the tile that both show.
        confidence: (k,) float, 0 to 1; 1 where bytes or pixels are identical.
    """

    pairs: np.ndarray
    kind: np.ndarray
    symmetry: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


def find_duplicates(observations: Observations) -> Duplicates:
    """All pairs of tiles that show the same picture (shifted: at least half of it).

    Args:
        observations: with the fields of `SIGNATURES`.
    """
    raise NotImplementedError


def check_duplicates(evidence: Evidence) -> Found:
    """Duplicates as findings: across splits, with different scores, and all others."""
    raise NotImplementedError

"""Neighbours: tiles cut from overlapping or adjoining places of one slide."""

from dataclasses import dataclass

import numpy as np

from her2bench.data.audit.evidence import Evidence, Found
from her2bench.data.audit.observations import Observations

OVERLAPPING, ADJACENT = "overlapping", "adjacent"


@dataclass(frozen=True)
class Neighbours:
    """Pairs of tiles that lie beside each other on one slide; duplicates are not among them.

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, `overlapping` or `adjacent`.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile's frame, e.g. (256, 0) for the next on the right.
        shared: (k,) float, 0 to 0.5: share of the tile that both show; 0 where adjacent.
        confidence: (k,) float, 0 to 1.
    """

    pairs: np.ndarray
    kind: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


def find_neighbours(observations: Observations) -> Neighbours:
    """All pairs of tiles that overlap by less than half, or whose edges continue each other.

    Args:
        observations: with the fields of `SIGNATURES`.
    """
    raise NotImplementedError


def check_neighbours(evidence: Evidence) -> Found:
    """Neighbours as findings: across splits, across slides, or where slides are not known."""
    raise NotImplementedError

"""A few keypoints make an overlap only where the tiles look alike too."""

import numpy as np
from scipy.ndimage import gaussian_filter

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.keypoints import FINENESS, MOST, NOWHERE
from her2bench.audit.matching.overlaps import find_overlaps
from her2bench.audit.matching.thumbnails import SIDE

TILE, STRIP = 256, 16


def observations(shared: int, same_place: bool) -> Observations:
    """Two tiles beside each other that share keypoints in a strip, of one place or of two."""
    rng = np.random.default_rng(0)
    codes = np.zeros((2, MOST), np.uint64)
    places = np.full((2, MOST, 2), NOWHERE, np.uint16)
    codes[:, :shared] = rng.integers(0, 2**64, shared, dtype=np.uint64)
    y = np.linspace(20, 230, shared)
    for tile, x in enumerate((TILE - STRIP / 2, STRIP / 2)):
        places[tile, :shared] = np.stack([np.full(shared, x), y], axis=1) * FINENESS
    fields = TILE // SIDE
    whole = gaussian_filter(rng.standard_normal((SIDE, 2 * SIDE - STRIP // fields)), 2)
    other = whole if same_place else whole[::-1]
    looks = np.stack([whole[:, :SIDE], other[:, -SIDE:]])
    looks = (128 + 30 * looks / whole.std()).clip(0, 255).astype(np.uint8)
    size = np.full((2, 2), TILE, np.int32)
    return Observations(
        {"keypoint_codes": codes, "keypoint_places": places, "look": looks, "tile_size": size}, {}
    )


def number(shared: int, same_place: bool) -> int:
    return len(find_overlaps(observations(shared, same_place), np.arange(2)).pairs)


def test_few_landmarks_are_believed_where_the_looks_agree():
    assert [number(shared, same_place=True) for shared in (1, 3, 6, 20)] == [0, 1, 1, 1]


def test_few_landmarks_are_not_believed_where_they_do_not():
    assert [number(shared, same_place=False) for shared in (1, 3, 6, 20)] == [0, 0, 0, 1]

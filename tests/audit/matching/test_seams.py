"""Seams stand where lines continue each other in detail and in level, faint tissue included."""

import numpy as np
from scipy.ndimage import gaussian_filter

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.edges import border_lines
from her2bench.audit.matching.seams import find_seams

SIDE = 128


def tissue(contrast: float, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Structures about as large as nuclei, of some root mean square contrast in grey levels."""
    picture = gaussian_filter(np.random.default_rng(seed).standard_normal((height, width)), 3)
    return 200 + contrast / picture.std() * picture


def seams(tiles: list[np.ndarray], noise: float = 1.0, side: int = SIDE) -> list[list[int]]:
    rng = np.random.default_rng(1)
    noisy = [np.clip(np.rint(t + rng.normal(0, noise, t.shape)), 0, 255) for t in tiles]
    fields = {
        "borders": np.stack([border_lines(tile.astype(np.uint8)) for tile in noisy]),
        "tile_size": np.full((len(tiles), 2), side),
    }
    return find_seams(Observations(fields, {}), np.arange(len(tiles))).pairs.tolist()


def halves(contrast: float) -> list[np.ndarray]:
    whole = tissue(contrast, SIDE, 2 * SIDE)
    return [whole[:, :SIDE], whole[:, SIDE:]]


def test_tiles_of_one_place_continue_each_other_whether_stained_strongly_or_faintly():
    assert seams(halves(20)) == [[0, 1]]
    assert seams(halves(4)) == [[0, 1]]


def test_lines_of_another_level_do_not_continue_each_other():
    left, right = halves(12)
    assert seams([left, right], noise=3) == [[0, 1]]
    assert seams([left, right - 6], noise=3) == []
    slope = np.linspace(-10, 10, SIDE)[:, None]  # the same mean, another run along the seam
    assert seams([left, right + slope], noise=3) == []


def test_short_borders_are_not_compared_since_unrelated_ones_would_seem_to_continue():
    whole = tissue(20, 64, 128)
    assert seams([whole[:, :64], whole[:, 64:]], side=64) == []


def test_empty_glass_continues_nothing():
    assert seams([np.full((SIDE, SIDE), 240.0)] * 6) == []

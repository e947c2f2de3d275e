"""The lines along the sides of a tile."""

import numpy as np

from her2bench.audit.matching.edges import SAMPLES, border_lines


def test_border_lines_are_the_sides_of_the_picture():
    grey = np.random.default_rng(0).integers(0, 256, (SAMPLES, SAMPLES), dtype=np.uint8)
    left, top, right, bottom = border_lines(grey)
    assert np.array_equal(left, grey[:, :2].T) and np.array_equal(top, grey[:2])
    assert np.array_equal(right, grey[:, :-3:-1].T) and np.array_equal(bottom, grey[:-3:-1])
    twice = border_lines(np.repeat(np.repeat(grey, 2, 0), 2, 1))
    assert np.array_equal(twice[0, 0], grey[:, 0])
    assert border_lines(grey[:1, :1]).shape == (4, 2, SAMPLES)

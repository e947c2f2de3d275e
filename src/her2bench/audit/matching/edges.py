"""The borders of a tile: its outermost lines of pixels, to recognise adjacent tiles."""

import numpy as np

SAMPLES = 256
LINES = 2
"""How many lines are kept of each side: the outermost, and the next, for the gradient."""
LEFT, TOP, RIGHT, BOTTOM = range(4)


def border_lines(grey: np.ndarray) -> np.ndarray:
    """The lines along the sides of a tile, the outermost first.

    Only one pixel wide at full resolution: the next pixel already looks half as alike, and the
    first pixel of the tile beyond is what is sought.

    Args:
        grey: (h, w) uint8.

    Returns:
        (4, LINES, SAMPLES) uint8: left, top, right, bottom; left and right from top to bottom,
        top and bottom from left to right. Shorter sides are stretched, longer ones averaged.
    """
    turned = np.ascontiguousarray(grey.T)
    deep = LINES
    sides = (turned[:deep], grey[:deep], turned[::-1][:deep], grey[::-1][:deep])
    return np.stack([_sampled(side) for side in sides])


def _sampled(lines: np.ndarray) -> np.ndarray:
    """(LINES, length) at SAMPLES places, each the mean over its part of the length."""
    length = lines.shape[1]
    sums = np.concatenate([np.zeros((len(lines), 1)), np.cumsum(lines, axis=1, dtype=float)], 1)
    ends = np.linspace(0, length, SAMPLES + 1)
    at = np.stack([np.interp(ends, np.arange(length + 1), row) for row in sums])
    means = np.diff(at, axis=1) * (SAMPLES / length)
    if len(means) < LINES:  # a tile of a single pixel
        means = np.repeat(means, LINES, axis=0)[:LINES]
    return np.clip(np.rint(means), 0, 255).astype(np.uint8)

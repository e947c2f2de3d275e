"""Optical density: what the tissue absorbs, measured against the light of the empty glass."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_PIXELS = 128 * 128  # a tile's white point needs no more pixels than this
_GLASS_SHARE = 0.02  # the least share of a tile that makes a peak in brightness believable
_GLASS_WIDTH = 3  # grey levels either side of the peak that still are glass (noise, JPEG)
_NEAR_TOP = 12  # grey levels below the brightest tissue in which glass can lie


def optical_density(rgb: NDArray[np.uint8], white: ArrayLike = 255.0) -> NDArray[np.float32]:
    """Optical density (base 10) of an RGB image, relative to a white point.

    Beer and Lambert: `OD = -log10(pixel / white)`. A pixel of 0 counts as 1, so that the density
    stays finite, and so does a white point below 1 (of a black tile); a pixel brighter than the
    white point has a density of 0.

    Args:
        rgb: (..., 3), uint8.
        white: the level of empty glass, a number or one for each channel, 0 to 255.

    Returns:
        (..., 3), float32, 0 to 2.41.

    >>> optical_density(np.array([[200, 20, 255]], np.uint8), 200).round(2).tolist()
    [[0.0, 1.0, 0.0]]
    """
    white = np.log10(np.broadcast_to(np.maximum(np.asarray(white, np.float64), 1), 3))
    table = np.maximum(white[:, None] - np.log10(np.maximum(np.arange(256), 1)), 0)
    table = table.astype(np.float32)
    return np.stack([table[c].take(rgb[..., c]) for c in range(3)], axis=-1)


def to_rgb(density: ArrayLike, white: ArrayLike = 255.0) -> NDArray[np.uint8]:
    """The RGB image of an optical density: `white * 10^-OD`, rounded.

    Args:
        density: (..., 3), optical density.
        white: the level of empty glass, a number or one for each channel, 0 to 255.

    Returns:
        (..., 3), uint8.

    >>> to_rgb([[0.0, 1.0, 2.0]], 200).tolist()
    [[200, 20, 2]]
    """
    light = np.asarray(white) * 10.0 ** -np.asarray(density)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def white_points(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The white point of each tile: the RGB level of empty glass.

    The highest peak of brightness near the top that holds at least 2% of the tile is taken as
    glass. A tile without glass has no such peak: its brightest hundredth then stands in, so that
    a tissue-filled tile's white point comes out too dark by the density of its palest tissue.

    Args:
        tiles: (n, height, width, 3), uint8.

    Returns:
        (n, 3), float32, 0 to 255.

    >>> tile = np.full((1, 8, 8, 3), 215, np.uint8)
    >>> tile[:, :4] = 90
    >>> white_points(tile).tolist()
    [[215.0, 215.0, 215.0]]
    """
    return np.array([white_point(tile) for tile in tiles], np.float32).reshape(-1, 3)


def white_point(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The white point of one image, as in `white_points`: (height, width, 3) to (3,)."""
    pixels = sample(image, _PIXELS)
    grey = (pixels.astype(np.uint16) @ np.array([77, 150, 29], np.uint16)) >> 8
    low, high = _glass_levels(np.bincount(grey, minlength=256))
    return pixels[(grey >= low) & (grey <= high)].mean(axis=0, dtype=np.float32)


def sample(image: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """About `most` pixels of an image at most, evenly strided: (height, width, 3) to (k, 3)."""
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / most)))
    return image[::step, ::step].reshape(-1, 3)


def _glass_levels(counts: NDArray[np.int64]) -> tuple[int, int]:
    """The range of grey levels that is glass, from the 256 counts of an image."""
    total = counts.sum()
    above = np.cumsum(counts[::-1])[::-1]
    top = int(np.flatnonzero(above >= max(1, 0.01 * total))[-1])
    lowest = max(top - _NEAR_TOP, 0)
    window = np.convolve(counts, np.ones(2 * _GLASS_WIDTH + 1, np.int64), "same")
    peak = lowest + int(np.argmax(window[lowest : top + 1]))
    is_peak = window[peak] >= _GLASS_SHARE * total and window[peak] > 1.5 * window[lowest]
    if is_peak or peak == top:
        return peak - _GLASS_WIDTH, peak + _GLASS_WIDTH
    return top, 255

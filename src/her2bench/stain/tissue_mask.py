"""Where an image holds tissue: density, texture and stain, against its own glass."""

import numpy as np
from scipy import ndimage

_WINDOW = 9
# Spread of optical density: glass has about 0.002, the palest stroma 0.01 and more. Its level is
# trusted half as much: glass itself may lie 0.01 apart where two of the scanner's fields meet.
_TISSUE = 0.01
_FLAT = 3.0  # grey levels; glass varies by about 1, tissue by 6 and more
_NEAR_BRIGHTEST = 40
_LEAST_GLASS = 0.05
_BLACK = 10
# Dust, scratches and the glue of a lost core are rough and grey; tissue has at least nuclei that
# haematoxylin or DAB colours. Differences between channels, mean of 3 x 3 pixels, optical density.
_BLUE, _BROWN, _DENSE = 0.015, 0.02, 0.03
_AROUND = 257  # pixels: sparse nuclei speak for the pale stroma between them
# Of the rough or dense pixels around: the palest real core has 0.0035 and more, grey dirt 0.
_STAINED = 0.003
_LOGARITHM = np.log10(np.maximum(np.arange(256), 1)).astype(np.float32)
_SUM = np.ones(3, np.float32)  # a product is ten times as fast as a sum over 3


def glass_colour(rgb: np.ndarray) -> np.ndarray:
    """The colour of empty glass in an overview: the commonest among flat, bright pixels.

    Scanners write glass at 180 as well as at 252 of 255, so that no fixed white will do. Padding
    of pure white is passed over where there is glass beside it; where nothing is flat the image
    holds no glass, and its brightest hundredth stands in.

    A single tile's white point is `stain.white_point`, which looks at brightness alone: it must be
    found at any magnification, where glass may be a corner. Here padding and texture count.

    Args:
        rgb: (h, w, 3) uint8.

    Returns:
        (3,) float64, in 0 to 255.
    """
    grey = rgb @ _SUM / 3
    flat = _mean_and_spread(grey)[1] < _FLAT
    darkest = np.minimum(np.minimum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    for possible in (darkest < 254, np.ones_like(flat)):
        if not possible.any():
            continue
        bright = grey > np.percentile(grey[possible], 99.5) - _NEAR_BRIGHTEST
        glass = possible & flat & bright
        if glass.mean() >= _LEAST_GLASS:
            commonest = np.bincount(grey[glass].astype(np.int64)).argmax()
            near = glass & (np.abs(grey - commonest) <= 2)
            return np.median(rgb[near], axis=0)
    return np.percentile(rgb.reshape(-1, 3), 99, axis=0)


def tissue_mask(rgb: np.ndarray) -> np.ndarray:
    """Which pixels of an overview show tissue.

    A pixel counts that differs from glass, as in `differs_from_glass`, and where what does so
    around it holds stain: blue (haematoxylin, with or without eosin) or brown (DAB).

    Args:
        rgb: (h, w, 3) uint8, as for `differs_from_glass`.

    Returns:
        (h, w) bool.
    """
    found = differs_from_glass(rgb)
    stained = found & _stained(rgb, np.maximum(glass_colour(rgb), 1))
    around = [
        ndimage.uniform_filter(pixels.astype(np.float32), _AROUND, mode="constant")
        for pixels in (stained, found)
    ]
    return found & (around[0] >= _STAINED * around[1])


def differs_from_glass(rgb: np.ndarray) -> np.ndarray:
    """Which pixels are no glass, stained or not: of a tile alone, whose surroundings are unknown.

    A pixel counts where its neighbourhood is denser than glass, or rougher: unstained stroma has
    nearly the colour of glass, and only its texture gives it away.

    Args:
        rgb: (h, w, 3) uint8, shrunk about fourfold (near 1 to 2 µm/pixel), so that the camera's
            noise is averaged out and cells are not.

    Returns:
        (h, w) bool.
    """
    glass = np.maximum(glass_colour(rgb), 1)
    # Not cut off at 0, as optical densities are: glass must lie on both sides of it.
    density = float(np.log10(glass).mean()) - _LOGARITHM[rgb] @ _SUM / 3
    darker, spread = _mean_and_spread(density)
    tissue = np.hypot(np.maximum(darker, 0) / 2, spread) > _TISSUE
    lightest = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    tissue &= lightest >= _BLACK  # black is what scanners put where they did not look
    return ndimage.uniform_filter(tissue.astype(np.float32), _WINDOW) > 0.5


def _stained(rgb: np.ndarray, glass: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels with the colour of haematoxylin or DAB, however pale."""
    red, green, blue = (
        ndimage.uniform_filter(np.float32(np.log10(glass[c])) - _LOGARITHM[rgb[..., c]], 3)
        for c in range(3)
    )
    coloured = ((red + green) / 2 - blue > _BLUE) | (blue - red > _BROWN)
    return coloured & (red + green + blue > 3 * _DENSE)


def tissue_share(mask: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Share of each box that is tissue.

    Args:
        mask: (h, w) bool.
        boxes: (n, 4) left, top, right, bottom in mask pixels, fractions allowed.

    Returns:
        (n,) float64, 0 to 1.

    >>> tissue_share(np.eye(4, dtype=bool), np.array([[0, 0, 2, 2], [2, 0, 4, 2]])).tolist()
    [0.5, 0.0]
    """
    height, width = mask.shape
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    left, right = np.clip(np.rint(boxes[:, [0, 2]]).astype(np.int64), 0, width).T
    top, bottom = np.clip(np.rint(boxes[:, [1, 3]]).astype(np.int64), 0, height).T
    inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return inside / np.maximum((right - left) * (bottom - top), 1)


def _mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation in the window around each pixel."""
    mean = ndimage.uniform_filter(values, _WINDOW)
    square = ndimage.uniform_filter(values * values, _WINDOW)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))

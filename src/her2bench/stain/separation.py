"""Haematoxylin and DAB apart: colour deconvolution, and what a tile's DAB amounts to."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from her2bench.stain.density import optical_density, sample, white_point

# Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23:291, optical density of red, green, blue
HAEMATOXYLIN = (0.650, 0.704, 0.286)
DAB = (0.268, 0.570, 0.776)

# The membranes of a tumour are a small part of a tile, and the rule of score 2+ and 3+ asks for
# more than 10% of its cells: so the upper half is sampled more closely than the lower.
PERCENTILES = (10, 50, 75, 90, 98)
_PIXELS = 128 * 128  # percentiles of a tile change little with more pixels than this


def stain_matrix(
    haematoxylin: ArrayLike = HAEMATOXYLIN, dab: ArrayLike = DAB
) -> NDArray[np.float64]:
    """The 3 x 3 matrix of unit stain vectors: haematoxylin, DAB and their cross product.

    Returns:
        (3, 3), float64, one stain a row; `amounts @ stain_matrix()` is an optical density.
    """
    first, second = (np.asarray(v, np.float64) / np.linalg.norm(v) for v in (haematoxylin, dab))
    third = np.cross(first, second)
    return np.stack([first, second, third / np.linalg.norm(third)])


def separate(density: NDArray, matrix: NDArray | None = None) -> NDArray[np.float32]:
    """The amount of each stain in an optical density.

    Args:
        density: (..., 3), optical density of red, green, blue.
        matrix: (3, 3), one stain a row; without it, `stain_matrix()`.

    Returns:
        (..., 3), float32: haematoxylin, DAB, remainder; noise can make an amount negative.

    Source: Ruifrok & Johnston 2001.

    >>> amounts = np.array([[0.3, 0.8, 0.0]])
    >>> separate(amounts @ stain_matrix()).round(3).tolist()
    [[0.30000001192092896, 0.800000011920929, 0.0]]
    """
    inverse = np.linalg.inv(stain_matrix() if matrix is None else matrix)
    return (np.asarray(density) @ inverse.astype(np.float32)).astype(np.float32)


def dab_percentiles(
    tiles: NDArray[np.uint8], percentiles: tuple[float, ...] = PERCENTILES
) -> NDArray[np.float32]:
    """Five percentiles of each tile's DAB optical density, against the tile's own white point.

    One tile is worked on at a time, at no more than about 128 x 128 of its pixels.

    Args:
        tiles: (n, height, width, 3), uint8.
        percentiles: 0 to 100, ascending.

    Returns:
        (n, 5), float32, DAB optical density, 0 or more.

    >>> dab_percentiles(np.full((2, 16, 16, 3), 240, np.uint8)).shape
    (2, 5)
    """
    rows = [_percentiles_of(tile, percentiles) for tile in tiles]
    return np.array(rows, np.float32).reshape(-1, len(percentiles))


def _percentiles_of(tile: NDArray[np.uint8], percentiles: tuple[float, ...]) -> NDArray:
    density = optical_density(sample(tile, _PIXELS), white_point(tile))
    dab = np.maximum(separate(density)[:, 1], 0)
    return np.percentile(dab, percentiles)

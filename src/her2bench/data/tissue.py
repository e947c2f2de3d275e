"""The tissue of a large image or slide: the mask of an overview that suits the tiles."""

import numpy as np

from her2bench.data.decoding.reading import SourceImage
from her2bench.stain.tissue_mask import tissue_mask, tissue_share

_OVERVIEW = 2048
_LARGEST_OVERVIEW = 4096
_TILE_IN_OVERVIEW = 16


def tissue_of(image: SourceImage, side: int) -> np.ndarray:
    """The tissue mask of an image, fine enough for tiles of `side` pixels at full resolution.

    Returns:
        (h, w) bool, the whole image shrunk.
    """
    longest = max(image.width, image.height)
    wanted = min(longest // 4, _OVERVIEW)  # a quarter: what the tissue measure is made for
    wanted = max(wanted, min(_TILE_IN_OVERVIEW * longest // side, _LARGEST_OVERVIEW))
    return tissue_mask(image.overview(wanted))


def share_of_tissue(
    mask: np.ndarray, image: SourceImage, corners: np.ndarray, side: int
) -> np.ndarray:
    """Share of each tile that is tissue.

    Args:
        mask: of `tissue_of`.
        image: which it is of.
        corners: (n, 2), x and y at full resolution.
        side: of the tiles.

    Returns:
        (n,) float64, 0 to 1.
    """
    scale = np.array([mask.shape[1] / image.width, mask.shape[0] / image.height])
    return tissue_share(mask, np.concatenate([corners * scale, (corners + side) * scale], axis=1))

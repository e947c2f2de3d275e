"""Tiles that are not square: squashed, cropped or padded to the networks' square."""

from typing import Literal, get_args

import numpy as np

from her2bench.stain.density import white_point

Square = Literal["squash", "crop", "pad"]
SQUARES: tuple[str, ...] = get_args(Square)


def squared(rgb: np.ndarray, square: Square) -> np.ndarray:
    """A tile before it is resized to a square.

    Args:
        rgb: (h, w, 3) uint8.
        square: `squash`: as it is; resizing then changes the shape of cells. `crop`: the largest
            square in its middle. `pad`: borders of the tile's white point (its empty glass) on the
            two short sides.

    Returns:
        (h, w, 3) uint8, of equal sides but for `squash`.

    >>> tile = np.full((2, 6, 3), 200, np.uint8)
    >>> [squared(tile, square).shape[:2] for square in ("squash", "crop", "pad")]
    [(2, 6), (2, 2), (6, 6)]
    """
    height, width = rgb.shape[:2]
    if square == "squash" or height == width:
        return rgb
    side = min(height, width) if square == "crop" else max(height, width)
    y, x = abs(height - side) // 2, abs(width - side) // 2
    if square == "crop":
        return rgb[y : y + side, x : x + side]
    white = np.rint(white_point(rgb)).clip(0, 255).astype(np.uint8)
    padded = np.broadcast_to(white, (side, side, 3)).copy()
    padded[y : y + height, x : x + width] = rgb
    return padded

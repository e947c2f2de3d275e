"""The quality that a JPEG was saved with, from its quantisation tables."""

import numpy as np

# ITU T.81, table K.1: the sum over the luminance table that libjpeg scales by the quality.
_STANDARD = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def jpeg_quality(tables: np.ndarray | None) -> float:
    """The quality, 1 to 100, with which libjpeg would have made tables like these.

    Cameras and scanners have tables of their own; theirs get the quality of the libjpeg table
    that divides as coarsely in all.

    Args:
        tables: (k, 64) int, luminance first, in any order of coefficients; None where it is no
            JPEG.

    Returns:
        The quality; 0 for None.

    >>> jpeg_quality(_STANDARD[None])
    50.0
    """
    if tables is None:
        return 0.0
    return float(1 + np.argmin(np.abs(_SUMS - np.asarray(tables)[0].sum())))


def _table(quality: int) -> np.ndarray:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_STANDARD * scale + 50) // 100, 1, 255)


_SUMS = np.array([_table(quality).sum() for quality in range(1, 101)])

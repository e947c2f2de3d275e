"""Stains: RGB to optical density and back, the white of the glass, haematoxylin and DAB apart."""

from her2bench.stain.density import optical_density, to_rgb, white_point, white_points
from her2bench.stain.separation import (
    DAB,
    HAEMATOXYLIN,
    PERCENTILES,
    dab_percentiles,
    separate,
    stain_matrix,
)

__all__ = [
    "DAB",
    "HAEMATOXYLIN",
    "PERCENTILES",
    "dab_percentiles",
    "optical_density",
    "separate",
    "stain_matrix",
    "to_rgb",
    "white_point",
    "white_points",
]

"""Where the tissue is what: tumour cells, lumen, fat, bare glass, and stroma in between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from her2bench.data.phantom.scoring import Staining, stain
from her2bench.data.phantom.slides import SPREAD_CELLS, SPREAD_PLACES, Slide
from her2bench.data.phantom.texture import CellGrid, SmoothField

_MARGIN = 200.0  # µm around the field in which smooth fields stay defined
_ADIPOCYTE = 62.0  # µm across
_PLACES = 45.0  # µm over which expression changes inside a tile


@dataclass(frozen=True)
class Tissue:
    """The layout of one field: functions of place in µm, not yet drawn.

    Attributes:
        extent: height and width, µm.
        tumour: leaning to tumour, smooth; above 0 is tumour.
        cells: seeds of the tumour's cells.
        is_tumour: (cells,), the seed belongs to a tumour cell.
        is_lumen: (cells,), the seed belongs to a gland's lumen.
        staining: of every cell of the grid; it only counts where `is_tumour`.
        fat: seeds of the fat cells, and `is_fat`.
        glass: smooth; above 0 is beyond the tissue's edge.
    """

    extent: tuple[float, float]
    regional: SmoothField
    nests: SmoothField
    leaning: float
    cells: CellGrid
    is_tumour: NDArray[np.bool_]
    is_lumen: NDArray[np.bool_]
    staining: Staining
    fat: CellGrid
    is_fat: NDArray[np.bool_]
    glass: SmoothField
    glass_leaning: float

    def inside(self) -> NDArray[np.bool_]:
        """The tumour cells whose seed lies in the field."""
        y, x = self.cells.y, self.cells.x
        return self.is_tumour & (y >= 0) & (y < self.extent[0]) & (x >= 0) & (x < self.extent[1])


def lay_out(slide: Slide, rng: np.random.Generator, extent: tuple[float, float]) -> Tissue:
    """The layout of a field of a slide.

    Args:
        slide: what all fields of the slide share.
        rng: source of what is this field's own.
        extent: height and width, µm.
    """
    regional, nests, glass, fat_field, expression, places = (
        SmoothField.draw(rng, extent, scale, _MARGIN)
        for scale in (
            slide.region,
            slide.nest,
            1.2 * slide.region,
            slide.region,
            slide.region,
            _PLACES,
        )
    )
    cells = CellGrid.draw(rng, extent, slide.cell, 0.36)
    fat = CellGrid.draw(rng, extent, _ADIPOCYTE, 0.34)
    at = (cells.y, cells.x)
    level = slide.tumour + regional.at(*at) + 0.8 * nests.at(*at)
    tissue = slide.glass + glass.at(*at) < 0
    is_lumen = (level > slide.lumen + 0.5) & tissue
    is_tumour = (level > 0) & ~is_lumen & tissue
    mean = (
        slide.expression
        + slide.spread_tiles * expression.at(*at)
        + SPREAD_PLACES * places.at(*at)
        + rng.normal(0, SPREAD_CELLS, len(cells.y))
    )
    fat_level = slide.fat + fat_field.at(fat.y, fat.x) - 0.6 * regional.at(fat.y, fat.x)
    return Tissue(
        extent,
        regional,
        nests,
        slide.tumour,
        cells,
        is_tumour,
        is_lumen,
        stain(mean.astype(np.float32)),
        fat,
        fat_level > 0,
        glass,
        slide.glass,
    )

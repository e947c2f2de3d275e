"""Where the tissue is what: tumour cells, lumen, fat, bare glass, and stroma in between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from her2bench.phantom.scoring import Staining, stain
from her2bench.phantom.slides import SPREAD_CELLS, SPREAD_PLACES, Slide
from her2bench.phantom.texture import CellGrid, Floats, SmoothField

_MARGIN = 200.0  # µm around the field in which smooth fields stay defined
_ADIPOCYTE = 62.0  # µm across
_NESTS = 0.8  # how much nests matter beside the region
_INSIDE = 0.13  # leaning beyond the outline at which nuclei are placed
_WALL = 0.45  # leaning to tumour around a lumen
_PLACES = 45.0  # µm over which expression changes inside a tile


@dataclass(frozen=True)
class Tissue:
    """The layout of one field: functions of place in µm, not yet drawn.

    Attributes:
        slide: what all fields of the slide share.
        extent: height and width, µm.
        regional, nests: together with the slide's leaning, the leaning to tumour.
        glass: beyond the tissue's edge where it and the slide's leaning are above 0.
        cells: seeds of the tumour's cells.
        is_tumour: (cells,), the seed belongs to a tumour cell.
        has_nucleus: (cells,), the same, and its seed lies well inside the outline.
        staining: of every cell of the grid; it only counts where `is_tumour`.
        fat, is_fat: seeds of the fat cells, and whether there is fat.
    """

    slide: Slide
    extent: tuple[float, float]
    regional: SmoothField
    nests: SmoothField
    glass: SmoothField
    cells: CellGrid
    is_tumour: NDArray[np.bool_]
    has_nucleus: NDArray[np.bool_]
    staining: Staining
    fat: CellGrid
    is_fat: NDArray[np.bool_]

    def inside(self) -> NDArray[np.bool_]:
        """The tumour cells whose seed lies in the field."""
        y, x = self.cells.y, self.cells.x
        return self.is_tumour & (y >= 0) & (y < self.extent[0]) & (x >= 0) & (x < self.extent[1])

    def tumour_level(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Leaning to tumour and to lumen on a grid (h,), (w,) in µm: each (h, w).

        Tumour cells are where the first is above 0 and the second is not.
        """
        return _leanings(self.slide, self.regional.on_grid(y, x), self.nests.on_grid(y, x))

    def glass_level(self, y: Floats, x: Floats) -> Floats:
        """Leaning to bare glass on a grid, as `tumour_level`."""
        return np.float32(self.slide.glass) + self.glass.on_grid(y, x)


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
    cells = CellGrid.draw(rng, extent, slide.cell, 0.42)
    fat = CellGrid.draw(rng, extent, _ADIPOCYTE, 0.34)
    at = (cells.y, cells.x)
    level, lumen = _leanings(slide, regional.at(*at), nests.at(*at))
    tissue = slide.glass + glass.at(*at) < 0
    is_tumour = (level > 0) & (lumen < 0) & tissue
    mean = (
        slide.expression
        + slide.spread_tiles * expression.at(*at)
        + SPREAD_PLACES * places.at(*at)
        + rng.normal(0, SPREAD_CELLS, len(cells.y))
    )
    fat_level = slide.fat + fat_field.at(fat.y, fat.x) - 0.6 * regional.at(fat.y, fat.x)
    return Tissue(
        slide=slide,
        extent=extent,
        regional=regional,
        nests=nests,
        glass=glass,
        cells=cells,
        is_tumour=is_tumour,
        has_nucleus=is_tumour & (level > _INSIDE) & (lumen < -_INSIDE),
        staining=stain(mean.astype(np.float32)),
        fat=fat,
        is_fat=fat_level > 0,
    )


def _leanings(slide: Slide, regional: Floats, nests: Floats) -> tuple[Floats, Floats]:
    """Leaning to tumour, and to lumen: the middle of nests, never without tumour around it."""
    level = np.float32(slide.tumour) + regional + np.float32(_NESTS) * nests
    return level, np.minimum(nests - np.float32(slide.lumen), level - np.float32(_WALL))

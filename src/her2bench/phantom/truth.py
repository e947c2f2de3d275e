"""The ground truth of a drawn field: its tumour fraction and the score of its own cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from her2bench.phantom.scoring import Staining, score_of
from her2bench.phantom.slides import Slide
from her2bench.phantom.tissue import Tissue, lay_out


@dataclass(frozen=True)
class Truth:
    """The truth of a field; `within` gives that of a part of it.

    Attributes:
        extent: height and width, µm.
        y, x: (cells,), where each tumour cell is, µm.
        staining: of these cells.
        cell_area: of one cell, µm².
    """

    extent: tuple[float, float]
    y: NDArray[np.float32]
    x: NDArray[np.float32]
    staining: Staining
    cell_area: float

    @property
    def tumour_fraction(self) -> float:
        """Share of the field's area that tumour cells cover, 0 to 1."""
        return min(1.0, len(self.y) * self.cell_area / (self.extent[0] * self.extent[1]))

    @property
    def score(self) -> int | None:
        """The score by the ASCO/CAP wording; None if there is no tumour to score."""
        return score_of(self.staining)

    def within(self, y: float, x: float, height: float, width: float) -> "Truth":
        """The truth of a part of the field, all in µm."""
        here = (self.y >= y) & (self.y < y + height) & (self.x >= x) & (self.x < x + width)
        staining = Staining(self.staining.density[here], self.staining.completeness[here])
        return Truth((height, width), self.y[here] - y, self.x[here] - x, staining, self.cell_area)


def truth_of(tissue: Tissue) -> Truth:
    """The truth of a laid-out field."""
    here, grid = tissue.inside(), tissue.cells
    staining = Staining(tissue.staining.density[here], tissue.staining.completeness[here])
    return Truth(tissue.extent, grid.y[here], grid.x[here], staining, grid.spacing**2)


def field_truth(
    slide: Slide, rng: np.random.Generator, height: int, width: int, mpp: float
) -> Truth:
    """The truth of the field that `draw_field` would draw from the same arguments, undrawn."""
    layout, _ = rng.spawn(2)
    return truth_of(lay_out(slide, layout, (height * mpp, width * mpp)))

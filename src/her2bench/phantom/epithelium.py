"""The tumour: membranes as far round as they are stained, cytoplasm, nuclei, lumens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import ndtri

from her2bench.phantom.canvas import Canvas
from her2bench.phantom.nuclei import Nuclei, stamp
from her2bench.phantom.texture import Floats, Indices, SmoothField, fine_texture
from her2bench.phantom.tissue import Tissue

_MEMBRANE = 0.8  # µm, half the width of a stained membrane
_ROUGHNESS = np.float32(0.05)  # of the outline of a nest
_EDGE = 0.7  # from leaning to distance: about the inverse slope at an outline, in nests
_GAP = 3.2  # µm, length of a gap in an incomplete membrane
_CLEFT = 7.0  # µm, how wide the tissue can shrink away from a nest
_INTO_CYTOPLASM = 0.28  # share of the membrane's stain that is seen over the cytoplasm
_OUT_OF_PLANE = 0.12  # share of cells whose nucleus the section missed


def draw_epithelium(canvas: Canvas, tissue: Tissue, rng: np.random.Generator) -> None:
    """Draw all tumour cells and the lumens between them over the canvas."""
    level, lumen = tissue.tumour_level(canvas.y, canvas.x)
    outline = SmoothField.draw(rng, canvas.extent, 9.0, 1.0)
    rough = _ROUGHNESS * outline.on_grid(canvas.y, canvas.x)
    level, lumen = level + rough, lumen + rough
    level[tissue.glass_level(canvas.y, canvas.x) > 0] = -9
    epithelium = level > 0
    if not epithelium.any():
        return
    _clear(canvas, epithelium, rng)
    grid = tissue.cells
    bulges = [_Bulge.draw(rng, canvas.extent, grid.spacing) for _ in "yx"]
    y = (canvas.y[:, None] + bulges[0].on_grid(canvas.y, canvas.x)).ravel()
    x = (canvas.x[None] + bulges[1].on_grid(canvas.y, canvas.x)).ravel()
    near = np.flatnonzero(epithelium & (lumen < 0))
    cell, border = grid.nearest(y[near], x[near])
    edge = np.minimum(level.ravel()[near], -lumen.ravel()[near])
    border = np.minimum(border, edge * np.float32(_EDGE * tissue.slide.nest))
    _draw_cells(canvas, tissue, (near, cell, border), rng)
    _draw_nuclei(canvas, tissue, bulges, rng)


@dataclass(frozen=True)
class _Bulge:
    """How far cells are bent out of straight borders along one axis, µm."""

    coarse: SmoothField
    fine: SmoothField
    size: float

    @classmethod
    def draw(cls, rng: np.random.Generator, extent: tuple[float, float], size: float) -> "_Bulge":
        coarse, fine = (SmoothField.draw(rng, extent, k * size, 60.0) for k in (0.9, 0.33))
        return cls(coarse, fine, size)

    def on_grid(self, y: Floats, x: Floats) -> Floats:
        coarse = np.float32(0.15 * self.size) * self.coarse.on_grid(y, x)
        return coarse + np.float32(0.035 * self.size) * self.fine.on_grid(y, x)

    def at(self, y: Floats, x: Floats) -> Floats:
        return np.float32(0.15 * self.size) * self.coarse.at(y, x)


def _clear(canvas: Canvas, drawn: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Take away the stroma under tumour cells, in lumens, and in clefts around nests."""
    epithelium = drawn.astype(np.float32)
    beside = uniform_filter(epithelium, max(1, round(_CLEFT / canvas.mpp)), mode="nearest")
    noise = SmoothField.draw(rng, canvas.extent, 15.0, 1.0).on_grid(canvas.y, canvas.x)
    cleft = (beside - np.float32(0.62 - 0.5 * canvas.slide.retraction) + 0.16 * noise) * 8
    stays = 1 - np.maximum(epithelium, np.clip(cleft, 0, 1) * (beside > 0.02))
    for plane in (canvas.blue, canvas.brown):
        plane *= stays


def _draw_cells(
    canvas: Canvas,
    tissue: Tissue,
    pixels: tuple[Indices, Indices, Floats],
    rng: np.random.Generator,
) -> None:
    """Cytoplasm and membranes at `pixels`: where, which cell, and how far from its border."""
    slide, staining = canvas.slide, tissue.staining
    near, cell, border = pixels
    row, column = np.divmod(near, len(canvas.x))
    y, x = canvas.y[row], canvas.x[column]
    least = ndtri(np.clip(1 - staining.completeness, 1e-5, 1 - 1e-5)).astype(np.float32)
    along = fine_texture(y, x, rng, (_GAP, _GAP))
    grain = fine_texture(y, x, rng, (1.8, 1.8))
    patchy = np.clip(1 + 0.3 * along + 0.22 * grain, 0.35, 2)
    stained = np.clip((along - least[cell]) * 2.5 + 0.5, 0, 1) * patchy
    strength = (staining.density * np.float32(slide.dab_strength))[cell]
    uneven = rng.lognormal(0, 0.25, len(staining.density)).astype(np.float32)[cell]
    cytoplasm = np.float32(slide.cytoplasm) * uneven + np.float32(_INTO_CYTOPLASM) * strength
    cytoplasm *= np.clip(1 + 0.3 * grain + 0.2 * along, 0.2, 2)
    membrane = strength * canvas.soft_line(border, _MEMBRANE) * stained
    canvas.brown.ravel()[near] += membrane + cytoplasm
    canvas.blue.ravel()[near] += np.float32(slide.stroma_blue) * (uneven + 0.25 * grain)


def _draw_nuclei(
    canvas: Canvas, tissue: Tissue, bulges: list[_Bulge], rng: np.random.Generator
) -> None:
    grid = tissue.cells
    chosen = np.flatnonzero(tissue.has_nucleus & (rng.random(len(grid.y)) > _OUT_OF_PLANE))
    if len(chosen) == 0:
        return
    n, y, x = len(chosen), grid.y[chosen], grid.x[chosen]
    y, x = y - bulges[0].at(y, x), x - bulges[1].at(y, x)
    short = 0.265 * grid.spacing * rng.lognormal(0, 0.13, n)
    nuclei = Nuclei(
        *(
            a.astype(np.float32)
            for a in (
                y + rng.normal(0, 0.05 * grid.spacing, n),
                x + rng.normal(0, 0.05 * grid.spacing, n),
                short * rng.uniform(1.05, 1.5, n),
                short,
                rng.uniform(0, np.pi, n),
                canvas.slide.nuclear_density * rng.lognormal(0, 0.25, n),
            )
        ),
        pale=0.5,
    )
    covered, density = stamp(canvas, nuclei)
    grain = fine_texture(canvas.y[:, None], canvas.x[None], rng, (1.6, 1.6))
    canvas.brown *= 1 - np.float32(0.6) * covered
    canvas.blue += density * (1 + np.float32(0.35) * grain)

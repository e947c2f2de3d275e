"""The tumour: membranes as far round as they are stained, cytoplasm, nuclei, lumens."""

import numpy as np
from scipy.special import ndtri

from her2bench.data.phantom.canvas import Canvas
from her2bench.data.phantom.nuclei import Nuclei, stamp
from her2bench.data.phantom.texture import Floats, Indices, SmoothField, fine_texture
from her2bench.data.phantom.tissue import Tissue

_MEMBRANE = 0.8  # µm, half the width of a stained membrane
_GAP = 4.0  # µm, length of a gap in an incomplete membrane
_BULGE = 0.13  # how far cells bulge, as a share of their size
_INTO_CYTOPLASM = 0.16  # share of the membrane's stain that is seen over the cytoplasm
_OUT_OF_PLANE = 0.12  # share of cells whose nucleus the section missed


def draw_epithelium(canvas: Canvas, tissue: Tissue, rng: np.random.Generator) -> None:
    """Draw all tumour cells and the lumens between them over the canvas."""
    drawn = tissue.is_tumour | tissue.is_lumen
    if not drawn.any():
        return
    bulges = [SmoothField.draw(rng, canvas.extent, 0.9 * tissue.cells.spacing, 60.0) for _ in "yx"]
    y, x = canvas.y[:, None], canvas.x[None]
    reach = np.float32(_BULGE * tissue.cells.spacing)
    bent_y = (y + reach * bulges[0].on_grid(canvas.y, canvas.x)).ravel()
    bent_x = (x + reach * bulges[1].on_grid(canvas.y, canvas.x)).ravel()
    near = np.flatnonzero(tissue.cells.around(drawn)[tissue.cells.square(bent_y, bent_x)])
    cell, border = tissue.cells.nearest(bent_y[near], bent_x[near])
    _clear(canvas, tissue, near, cell, border, rng)
    own = tissue.is_tumour[cell]
    near, cell, border = near[own], cell[own], border[own]
    _draw_cells(canvas, tissue, near, cell, border, rng)
    _draw_nuclei(canvas, tissue, bulges, rng)


def _clear(
    canvas: Canvas,
    tissue: Tissue,
    near: Indices,
    cell: Indices,
    border: Floats,
    rng: np.random.Generator,
) -> None:
    """Take away the stroma under tumour cells, in lumens, and in clefts around nests."""
    outside = ~(tissue.is_tumour | tissue.is_lumen)[cell]
    row, column = np.divmod(near, len(canvas.x))
    noise = fine_texture(canvas.y[row], canvas.x[column], rng, (30.0, 30.0))
    width = canvas.slide.retraction * (1.5 + 2.0 * noise)
    beside = tissue.cells.around(tissue.is_tumour)[cell]
    cleft = outside & beside & (border < width)
    gone = near[~outside | cleft]
    for plane in (canvas.blue, canvas.brown):
        plane.ravel()[gone] *= np.float32(0.05)


def _draw_cells(
    canvas: Canvas,
    tissue: Tissue,
    near: Indices,
    cell: Indices,
    border: Floats,
    rng: np.random.Generator,
) -> None:
    slide, staining = canvas.slide, tissue.staining
    row, column = np.divmod(near, len(canvas.x))
    y, x = canvas.y[row], canvas.x[column]
    least_noise = ndtri(np.clip(1 - staining.completeness, 1e-5, 1 - 1e-5)).astype(np.float32)
    noise = fine_texture(y, x, rng, (_GAP, _GAP))
    stained = np.clip((noise - least_noise[cell]) * 3 + 0.5, 0, 1)
    strength = (staining.density * np.float32(slide.dab_strength))[cell]
    grain = fine_texture(y, x, rng, (1.8, 1.8))
    uneven = rng.lognormal(0, 0.2, len(staining.density)).astype(np.float32)[cell]
    membrane = canvas.soft_line(border, _MEMBRANE) * stained * (1 + np.float32(0.2) * grain)
    cytoplasm = np.float32(slide.cytoplasm) * uneven + np.float32(_INTO_CYTOPLASM) * strength
    canvas.brown.ravel()[near] += strength * membrane + cytoplasm * (1 + np.float32(0.25) * grain)
    canvas.blue.ravel()[near] += np.float32(0.15 * slide.nuclear_density) * uneven


def _draw_nuclei(
    canvas: Canvas, tissue: Tissue, bulges: list[SmoothField], rng: np.random.Generator
) -> None:
    grid = tissue.cells
    chosen = np.flatnonzero(tissue.is_tumour & (rng.random(len(grid.y)) > _OUT_OF_PLANE))
    if len(chosen) == 0:
        return
    n, y, x = len(chosen), grid.y[chosen], grid.x[chosen]
    reach = np.float32(_BULGE * grid.spacing)
    y, x = y - reach * bulges[0].at(y, x), x - reach * bulges[1].at(y, x)
    short = 0.25 * grid.spacing * rng.lognormal(0, 0.13, n)
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
        pale=0.4,
    )
    covered, density = stamp(canvas, nuclei)
    grain = fine_texture(canvas.y[:, None], canvas.x[None], rng, (1.6, 1.6))
    canvas.brown *= 1 - np.float32(0.65) * covered
    canvas.blue += density * (1 + np.float32(0.35) * grain)

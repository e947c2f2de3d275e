"""What is not tumour: fibres, spindle cells and lymphocytes, fat, bare glass, debris."""

import numpy as np
from numpy.typing import NDArray

from her2bench.data.phantom.canvas import Canvas
from her2bench.data.phantom.nuclei import Nuclei, stamp
from her2bench.data.phantom.texture import Floats, SmoothField, fine_texture
from her2bench.data.phantom.tissue import Tissue

_FIBRE = (3.0, 26.0)  # µm across and along a collagen fibre
_FIBROBLASTS = 900.0  # in a mm² of stroma
_LYMPHOCYTES = 1500.0  # the same, times the slide's inflammation


def draw_stroma(canvas: Canvas, tissue: Tissue, rng: np.random.Generator) -> None:
    """Fill the canvas with stroma, leave bare glass beyond the tissue's edge, then fat."""
    slide = canvas.slide
    bend, thick = (SmoothField.draw(rng, canvas.extent, s, 10.0) for s in (70.0, 55.0))
    across, along = _fibre_places(canvas, tissue, bend, rng)
    fibres = fine_texture(across, along, rng, _FIBRE)
    amount = 1 + 0.38 * fibres + 0.35 * thick.on_grid(canvas.y, canvas.x)
    np.maximum(amount, 0.12, out=amount)
    amount *= _tissue_cover(canvas, tissue, fibres)
    canvas.blue += np.float32(slide.stroma_blue) * amount
    canvas.brown += np.float32(slide.stroma_brown) * amount
    _draw_fat(canvas, tissue)
    _draw_nuclei(canvas, tissue, across, amount, rng)


def draw_debris(canvas: Canvas, rng: np.random.Generator) -> None:
    """A few specks of pigment and dust."""
    area = canvas.extent[0] * canvas.extent[1] / 1e6
    n = rng.poisson(40 * area)
    if n == 0:
        return
    radius = rng.uniform(0.5, 1.6, n).astype(np.float32)
    specks = Nuclei(
        *_anywhere(canvas, n, rng),
        radius * 1.4,
        radius,
        _angles(n, rng),
        rng.uniform(0.15, 0.7, n).astype(np.float32),
        0.0,
    )
    canvas.grey += stamp(canvas, specks)[1]


def _fibre_places(
    canvas: Canvas, tissue: Tissue, bend: SmoothField, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Place across and along the fibres, µm: they bend, and run around nests of tumour."""
    angle = rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y, x = canvas.y[:, None], canvas.x[None]
    across = y * cos - x * sin + 14 * bend.on_grid(canvas.y, canvas.x)
    across += 12 * tissue.nests.on_grid(canvas.y, canvas.x)
    return across, y * sin + x * cos


def _tissue_cover(canvas: Canvas, tissue: Tissue, fibres: Floats) -> Floats:
    """1 in tissue, 0 on bare glass, with a frayed edge."""
    level = tissue.glass_leaning + tissue.glass.on_grid(canvas.y, canvas.x)
    if level.max() < -0.3:
        return np.float32(1) + np.zeros_like(level)
    return np.clip(0.5 - (level + 0.05 * fibres) * 12, 0, 1)


def _draw_fat(canvas: Canvas, tissue: Tissue) -> None:
    """Fat cells: empty, with a thin wall."""
    if not tissue.is_fat.any():
        return
    y, x = (a.ravel() for a in np.broadcast_arrays(canvas.y[:, None], canvas.x[None]))
    near = np.flatnonzero(tissue.fat.around(tissue.is_fat)[tissue.fat.square(y, x)])
    cell, border = tissue.fat.nearest(y[near], x[near])
    own = tissue.is_fat[cell]
    near, border = near[own], border[own]
    wall = canvas.soft_line(border, 1.3)
    for plane, level in ((canvas.blue, 1.5), (canvas.brown, 1.0)):
        dense = level * canvas.slide.stroma_blue * wall
        plane.ravel()[near] = np.float32(0.03) * plane.ravel()[near] + dense.astype(np.float32)


def _draw_nuclei(
    canvas: Canvas, tissue: Tissue, across: Floats, amount: Floats, rng: np.random.Generator
) -> None:
    """Spindle nuclei along the fibres and round lymphocytes, wherever there is stroma."""
    slide = canvas.slide
    area = canvas.extent[0] * canvas.extent[1] / 1e6
    spindles = rng.poisson(_FIBROBLASTS * area)
    round_ones = rng.poisson(_LYMPHOCYTES * slide.inflammation * area)
    for n, spindle in ((spindles, True), (round_ones, False)):
        y, x = _anywhere(canvas, n, rng)
        row, column = (
            np.minimum(p / canvas.mpp, k - 1).astype(np.intp)
            for p, k in ((y, len(canvas.y)), (x, len(canvas.x)))
        )
        angle = _direction(across, row, column) if spindle else _angles(n, rng)
        angle = angle + rng.normal(0, 0.15, n).astype(np.float32)
        short = rng.uniform(1.0, 1.9, n) if spindle else rng.uniform(2.3, 3.1, n)
        long = short * (rng.uniform(2.2, 5.0, n) if spindle else rng.uniform(1.0, 1.25, n))
        density = slide.nuclear_density * rng.uniform(0.7, 1.7, n)
        density *= np.clip(2.5 * amount[row, column] - 0.3, 0, 1)  # none on bare glass
        arrays = (y, x, long, short, angle, density)
        keep = density > 0.01
        if keep.any():
            nuclei = Nuclei(*(a[keep].astype(np.float32) for a in arrays), pale=0.1)
            canvas.blue += stamp(canvas, nuclei)[1]


def _direction(across: Floats, row: NDArray[np.intp], column: NDArray[np.intp]) -> Floats:
    """The angle at which the fibres run at some pixels: where `across` does not change."""
    last_row, last_column = (n - 2 for n in across.shape)
    row, column = np.minimum(row, last_row), np.minimum(column, last_column)
    here = across[row, column]
    down, right = across[row + 1, column] - here, across[row, column + 1] - here
    return np.arctan2(-right, down)


def _anywhere(canvas: Canvas, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    y, x = (rng.uniform(0, side, n).astype(np.float32) for side in canvas.extent)
    return y, x


def _angles(n: int, rng: np.random.Generator) -> Floats:
    return rng.uniform(0, np.pi, n).astype(np.float32)

"""What is not tumour: fibres, spindle cells and lymphocytes, fat, bare glass, debris."""

import numpy as np

from her2bench.phantom.canvas import Canvas
from her2bench.phantom.nuclei import Nuclei, stamp
from her2bench.phantom.texture import Floats, Indices, SmoothField, fine_texture
from her2bench.phantom.tissue import Tissue

_FIBRES = (((1.7, 9.0), 0.25), ((3.6, 22.0), 0.20))  # µm across and along, and how strong
_GRAIN, _GRAIN_STRENGTH = (1.5, 1.5), 0.18  # µm


def draw_stroma(canvas: Canvas, tissue: Tissue, rng: np.random.Generator) -> None:
    """Fill the canvas with stroma and its nuclei; leave fat and bare glass empty."""
    slide = canvas.slide
    bend, thick, crowd = (
        SmoothField.draw(rng, canvas.extent, scale, 10.0) for scale in (100.0, 45.0, 50.0)
    )
    across, along = _fibre_places(canvas, tissue, bend, rng)
    thin, wide = (k * fine_texture(across, along, rng, grain) for grain, k in _FIBRES)
    fibres = thin + wide
    loose = np.clip(1 + 0.7 * thick.on_grid(canvas.y, canvas.x), 0.3, 2.2)
    amount = 1 + fibres * loose + 0.2 * (loose - 1)
    amount += _GRAIN_STRENGTH * fine_texture(canvas.y[:, None], canvas.x[None], rng, _GRAIN)
    np.maximum(amount, 0.08, out=amount)
    amount *= _tissue_cover(canvas, tissue, fibres)
    _empty_fat(canvas, tissue, amount, rng)
    canvas.blue += np.float32(slide.stroma_blue) * amount
    canvas.brown += np.float32(slide.stroma_brown) * amount
    _draw_nuclei(canvas, crowd, across, amount, rng)


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
    across = y * cos - x * sin + 16 * bend.on_grid(canvas.y, canvas.x)
    across += 7 * tissue.nests.on_grid(canvas.y, canvas.x)
    return across, y * sin + x * cos


def _tissue_cover(canvas: Canvas, tissue: Tissue, fibres: Floats) -> Floats:
    """1 in tissue, 0 on bare glass, with a frayed edge."""
    level = tissue.glass_level(canvas.y, canvas.x)
    if level.max() < -0.3:
        return np.float32(1) + np.zeros_like(level)
    return np.clip(0.5 - (level + 0.05 * fibres) * 12, 0, 1)


def _empty_fat(canvas: Canvas, tissue: Tissue, amount: Floats, rng: np.random.Generator) -> None:
    """Fat cells: nothing in them, a thin wall around."""
    if not tissue.is_fat.any():
        return
    bulges = [SmoothField.draw(rng, canvas.extent, 22.0, 10.0) for _ in "yx"]
    y, x = (
        (place + 4.5 * bulge.on_grid(canvas.y, canvas.x)).ravel().astype(np.float32)
        for place, bulge in zip((canvas.y[:, None], canvas.x[None]), bulges, strict=True)
    )
    near = np.flatnonzero(tissue.fat.around(tissue.is_fat)[tissue.fat.square(y, x)])
    cell, border = tissue.fat.nearest(y[near], x[near])
    own = tissue.is_fat[cell]
    near, border = near[own], border[own]
    wall = canvas.soft_line(border, 1.1)
    inside = np.clip((border - 0.8) / max(0.8, canvas.mpp), 0, 1)
    flat = amount.ravel()
    flat[near] = flat[near] * (1 - inside * np.float32(0.97)) + wall * (0.4 + 0.9 * flat[near])


def _draw_nuclei(
    canvas: Canvas, crowd: SmoothField, across: Floats, amount: Floats, rng: np.random.Generator
) -> None:
    """Spindle nuclei along the fibres and round lymphocytes in crowds, wherever there is stroma."""
    slide = canvas.slide
    area = canvas.extent[0] * canvas.extent[1] / 1e6
    for spindle, count in ((True, slide.fibroblasts), (False, 4 * slide.lymphocytes)):
        y, x = _anywhere(canvas, rng.poisson(count * area), rng)
        if not spindle:
            crowded = rng.random(len(y)) < np.exp(1.2 * (crowd.at(y, x) - 1.8))
            y, x = y[crowded], x[crowded]
        row, column = _pixels(canvas, y, x)
        there = amount[row, column] > 0.35
        y, x, row, column = y[there], x[there], row[there], column[there]
        if len(y):
            shapes = _spindles(across, row, column, rng) if spindle else _rounds(len(y), rng)
            density = slide.nuclear_density * rng.uniform(0.6, 1.7, len(y)).astype(np.float32)
            canvas.blue += stamp(canvas, Nuclei(y, x, *shapes, density, pale=0.15))[1]


def _spindles(
    across: Floats, row: Indices, column: Indices, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Half axes and angle of fibroblasts' nuclei."""
    n = len(row)
    short = rng.uniform(0.7, 1.4, n)
    long = short * rng.uniform(2.0, 4.5, n)
    angle = _direction(across, row, column) + rng.normal(0, 0.25, n)
    return long.astype(np.float32), short.astype(np.float32), angle.astype(np.float32)


def _rounds(n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Half axes and angle of lymphocytes' nuclei."""
    short = rng.uniform(1.7, 2.5, n).astype(np.float32)
    return short * rng.uniform(1, 1.25, n).astype(np.float32), short, _angles(n, rng)


def _direction(across: Floats, row: Indices, column: Indices) -> Floats:
    """The angle at which the fibres run at some pixels: where `across` does not change."""
    last_row, last_column = (n - 2 for n in across.shape)
    row, column = np.minimum(row, last_row), np.minimum(column, last_column)
    here = across[row, column]
    down, right = across[row + 1, column] - here, across[row, column + 1] - here
    return np.arctan2(-right, down)


def _anywhere(canvas: Canvas, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    y, x = (rng.uniform(0, side, n).astype(np.float32) for side in canvas.extent)
    return y, x


def _pixels(canvas: Canvas, y: Floats, x: Floats) -> tuple[Indices, Indices]:
    row, column = ((p / np.float32(canvas.mpp)).astype(np.intp) for p in (y, x))
    return np.minimum(row, len(canvas.y) - 1), np.minimum(column, len(canvas.x) - 1)


def _angles(n: int, rng: np.random.Generator) -> Floats:
    return rng.uniform(0, np.pi, n).astype(np.float32)

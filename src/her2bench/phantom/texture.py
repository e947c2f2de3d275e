"""Random structure on physical scales: smooth fields, a fine texture, and cells that tile."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Floats = NDArray[np.floating]  # float32 throughout; the checker loses count of it
Indices = NDArray[np.integer]
_TEXTURE = 1024  # side of the periodic texture
_GRAIN = 8.0  # its grain: one correlation length, in its own pixels


@dataclass(frozen=True)
class SmoothField:
    """A smooth random function of place with mean 0 and variance 1 (a cubic B-spline).

    It is a function of µm, so it can be looked at on any grid or at single points.
    """

    knots: Floats
    scale: float
    margin: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, extent: tuple[float, float], scale: float, margin: float
    ) -> "SmoothField":
        """A field over `extent` (height, width in µm) and `margin` µm around it."""
        count = [int(np.ceil((side + 2 * margin) / scale)) + 4 for side in extent]
        return cls(rng.standard_normal(count, np.float32), scale, margin)

    def on_grid(self, y: Floats, x: Floats) -> Floats:
        """Values at every pair of rows y (h,) and columns x (w,), in µm: (h, w)."""
        return self._basis(y, 0) @ self.knots @ self._basis(x, 1).T

    def at(self, y: Floats, x: Floats) -> Floats:
        """Values at points (n,), in µm: (n,)."""
        return ((self._basis(y, 0) @ self.knots) * self._basis(x, 1)).sum(axis=1)

    def _basis(self, t: Floats, axis: int) -> Floats:
        place = (np.asarray(t, np.float32) + self.margin) / self.scale
        first = np.clip(np.floor(place).astype(np.intp), 0, self.knots.shape[axis] - 4)
        u = np.clip(place - first, 0, 1)
        weights = np.stack(
            [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, 3 * (u + u**2 - u**3) + 1, u**3], axis=1
        )
        weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))  # variance 1 everywhere
        basis = np.zeros((len(place), self.knots.shape[axis]), np.float32)
        np.put_along_axis(basis, first[:, None] + np.arange(4), weights, axis=1)
        return basis


@cache
def _fine_texture() -> Floats:
    """A periodic noise texture with mean 0 and variance 1, always the same."""
    noise = np.random.default_rng(20011).standard_normal((_TEXTURE, _TEXTURE))
    smooth = gaussian_filter(noise, _GRAIN / 2, mode="wrap")
    return (smooth / smooth.std()).astype(np.float32)


def fine_texture(
    v: Floats, u: Floats, rng: np.random.Generator, grain: tuple[float, float]
) -> Floats:
    """Fine noise (mean 0, variance 1) at places v, u in µm, with a grain in µm along each."""
    start = rng.uniform(0, _TEXTURE, 2)
    row = (v * np.float32(_GRAIN / grain[0]) + np.float32(start[0])).astype(np.int32)
    column = (u * np.float32(_GRAIN / grain[1]) + np.float32(start[1])).astype(np.int32)
    last = _TEXTURE - 1
    return _fine_texture().take((row & last) * _TEXTURE + (column & last))


@dataclass(frozen=True)
class CellGrid:
    """Seeds of cells, one in each square of a grid: each cell is the place nearest to its seed."""

    y: Floats
    x: Floats
    rows: int
    columns: int
    spacing: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, extent: tuple[float, float], spacing: float, jitter: float
    ) -> "CellGrid":
        """Seeds over `extent` (µm) and two squares around it, off centre by up to `jitter`."""
        rows, columns = (int(np.ceil(side / spacing)) + 4 for side in extent)
        offset = rng.uniform(0.5 - jitter, 0.5 + jitter, (2, rows, columns)).astype(np.float32)
        y = (np.arange(-2, rows - 2)[:, None] + offset[0]) * np.float32(spacing)
        x = (np.arange(-2, columns - 2)[None] + offset[1]) * np.float32(spacing)
        return cls(y.ravel(), x.ravel(), rows, columns, spacing)

    def square(self, y: Floats, x: Floats) -> NDArray[np.int32]:
        """The index of the grid square in which each place lies (kept off the outermost)."""
        row = np.clip((y * np.float32(1 / self.spacing) + 2).astype(np.int32), 1, self.rows - 2)
        column = np.clip(
            (x * np.float32(1 / self.spacing) + 2).astype(np.int32), 1, self.columns - 2
        )
        return row * np.int32(self.columns) + column

    def around(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Squares next to or at a chosen cell: the only ones in which it can be nearest."""
        grid = np.pad(chosen.reshape(self.rows, self.columns), 1)
        tall = grid[:-2] | grid[1:-1] | grid[2:]
        return (tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]).ravel()

    def nearest(self, y: Floats, x: Floats) -> tuple[NDArray[np.int32], Floats]:
        """The cell each place (n,) lies in, and its distance in µm from the cell's border.

        The distance is half the difference between the two nearest seeds' distances: exact on
        the line between them, and too small in the corners, where membranes do look thicker.
        """
        base = self.square(y, x)
        place, seeds = (np.empty(len(a), np.complex64) for a in (y, self.y))
        place.real, place.imag, seeds.real, seeds.imag = y, x, self.y, self.x
        best = np.full(len(y), np.inf, np.float32)
        second, cell = best.copy(), base.copy()
        for step in (i * self.columns + j for i in (-1, 0, 1) for j in (-1, 0, 1)):
            index = base + np.int32(step)
            away = place - seeds.take(index)
            square = away.real**2 + away.imag**2
            np.copyto(cell, index, where=square < best)
            np.minimum(second, np.maximum(best, square), out=second)
            np.minimum(best, square, out=best)
        return cell, (np.sqrt(second) - np.sqrt(best)) / 2

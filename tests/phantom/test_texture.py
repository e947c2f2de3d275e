"""Smooth fields, texture and the tiling of cells."""

import numpy as np
from scipy.spatial import cKDTree

from her2bench.phantom.texture import CellGrid, SmoothField, fine_texture


def test_a_field_has_mean_0_and_variance_1_and_is_the_same_on_grid_and_at_points() -> None:
    field = SmoothField.draw(np.random.default_rng(0), (900.0, 900.0), 10.0, 20.0)
    y = x = np.linspace(0, 900, 300, dtype=np.float32)
    grid = field.on_grid(y, x)
    assert abs(grid.mean()) < 0.05
    assert abs(grid.std() - 1) < 0.05
    assert np.allclose(field.at(y, x), np.diag(grid), atol=1e-4)


def test_a_field_is_smooth_on_its_scale() -> None:
    field = SmoothField.draw(np.random.default_rng(1), (300.0, 300.0), 30.0, 5.0)
    fine = field.on_grid(np.arange(300, dtype=np.float32), np.arange(300, dtype=np.float32))
    assert np.abs(np.diff(fine, axis=0)).max() < 0.25


def test_texture_is_standard() -> None:
    y, x = np.mgrid[:400, :400].astype(np.float32)
    texture = fine_texture(y, x, np.random.default_rng(0), (4.0, 4.0))
    assert abs(texture.mean()) < 0.05
    assert abs(texture.std() - 1) < 0.05


def test_nearest_cell_agrees_with_a_search_over_all_cells() -> None:
    rng = np.random.default_rng(3)
    grid = CellGrid.draw(rng, (200.0, 260.0), 12.0, 0.42)
    y, x = (rng.uniform(0, side, 5000).astype(np.float32) for side in (200, 260))
    cell, border = grid.nearest(y, x)
    distance, index = cKDTree(np.stack([grid.y, grid.x], 1)).query(np.stack([y, x], 1), k=2)
    assert np.mean(cell == index[:, 0]) > 0.999
    assert np.abs(border - (distance[:, 1] - distance[:, 0]) / 2).mean() < 0.02

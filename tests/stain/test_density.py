"""Optical density and white points."""

import numpy as np
import pytest

from her2bench.stain import optical_density, to_rgb, white_point, white_points


def test_density_and_back_give_the_same_picture() -> None:
    white = np.array([181, 179, 174])
    rgb = np.random.default_rng(0).integers(1, 174, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(to_rgb(optical_density(rgb, white), white), rgb)


def test_density_is_finite_and_never_negative() -> None:
    density = optical_density(np.array([[0, 255, 90]], np.uint8), 200)
    assert density[0, 0] == pytest.approx(np.log10(200), abs=1e-6)
    assert density[0, 1] == 0
    assert density[0, 2] == pytest.approx(np.log10(200 / 90), abs=1e-6)


@pytest.mark.parametrize("level", [180, 215, 252])
@pytest.mark.parametrize("share", [0.04, 0.5, 1.0])
def test_white_point_is_the_glass_however_much_there_is(level: int, share: float) -> None:
    rng = np.random.default_rng(1)
    tile = np.full((96, 96, 3), level, float)
    tile[: round(96 * (1 - share))] *= rng.uniform(0.3, 0.85, (round(96 * (1 - share)), 96, 1))
    noisy = np.clip(tile + rng.normal(0, 1.5, tile.shape), 0, 255).astype(np.uint8)
    assert np.abs(white_point(noisy) - level).max() < 2


def test_white_point_is_not_fooled_by_a_few_bright_specks() -> None:
    tile = np.full((100, 100, 3), 180, np.uint8)
    tile[:5, :5] = 255
    assert white_point(tile).tolist() == [180, 180, 180]


def test_without_glass_the_brightest_tissue_stands_in() -> None:
    rng = np.random.default_rng(2)
    tile = np.repeat(rng.integers(60, 170, (100, 100, 1), dtype=np.uint8), 3, axis=2)
    assert white_point(tile).tolist() == pytest.approx([169, 169, 169], abs=2)


def test_white_points_of_no_tiles_and_of_black() -> None:
    assert white_points(np.empty((0, 8, 8, 3), np.uint8)).shape == (0, 3)
    assert white_points(np.zeros((2, 8, 8, 3), np.uint8)).tolist() == [[0, 0, 0]] * 2


@pytest.mark.filterwarnings("error")
def test_a_black_tile_has_no_density():
    black = np.zeros((4, 4, 3), np.uint8)
    assert not optical_density(black, white_point(black)).any()
    assert np.isclose(optical_density(np.full((1, 3), 20, np.uint8), 200), 1).all()

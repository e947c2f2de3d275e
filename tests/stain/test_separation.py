"""Colour deconvolution and DAB percentiles."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from her2bench.stain import (
    dab_percentiles,
    optical_density,
    separate,
    stain_matrix,
    to_rgb,
    white_point,
)


def test_third_vector_is_at_right_angles_and_all_are_of_length_one() -> None:
    matrix = stain_matrix()
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1)
    assert np.allclose(matrix[2] @ matrix[:2].T, 0)


def test_amounts_mixed_into_a_picture_come_out_again() -> None:
    amounts = np.random.default_rng(0).uniform(0, 0.6, (40, 3)) * [1, 1, 0]
    picture = to_rgb((amounts @ stain_matrix())[None], 240)
    found = separate(optical_density(picture, 240))[0]
    assert np.abs(found - amounts).max() < 0.02


def test_percentiles_are_of_dab_not_of_haematoxylin() -> None:
    blue, brown = (np.zeros((64, 64, 3)) for _ in range(2))
    blue[:32] = 0.5 * stain_matrix()[0]
    brown[:32] = 0.5 * stain_matrix()[1]
    low, high = dab_percentiles(np.stack([to_rgb(blue, 215), to_rgb(brown, 215)]))
    assert low.max() < 0.02
    assert high[:1] < 0.01
    assert high[-1] == pytest.approx(0.5, abs=0.02)


def test_percentiles_do_not_depend_on_the_background() -> None:
    density = np.random.default_rng(1).uniform(0, 0.8, (64, 64, 1)) * stain_matrix()[1]
    density[:16] = 0
    dark, bright = dab_percentiles(np.stack([to_rgb(density, 180), to_rgb(density, 250)]))
    assert np.abs(dark - bright).max() < 0.02


def test_no_tiles_give_no_rows() -> None:
    assert dab_percentiles(np.empty((0, 8, 8, 3), np.uint8)).shape == (0, 5)


@pytest.fixture
def real() -> Path:
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    return Path(folder)


def test_a_real_3_plus_tile_has_more_dab_than_a_real_1_plus_tile(real: Path) -> None:
    folder = real / "bci" / "BCI_dataset" / "IHC" / "test"
    names = ("00000_test_1+.png", "00006_test_3+.png")
    weak, strong = dab_percentiles(
        np.stack([np.asarray(Image.open(folder / name).convert("RGB")) for name in names])
    )
    assert (strong[1:] > 3 * weak[1:]).all()


def test_real_tiles_lie_on_three_white_levels(real: Path) -> None:
    folder = real / "bci" / "BCI_dataset" / "IHC" / "test"
    levels = np.array(
        [white_point(np.asarray(Image.open(p).convert("RGB"))).mean() for p in folder.iterdir()]
    )
    assert (np.abs(levels[:, None] - [180, 215, 252]).min(axis=1) < 10).all()

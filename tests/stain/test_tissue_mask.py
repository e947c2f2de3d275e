"""Tissue and glass: pale tissue is kept, glass of any brightness is not."""

import numpy as np
import pytest

from her2bench.stain.tissue_mask import glass_colour, tissue_mask, tissue_share

HALF = np.s_[:, 100:]


def scene(glass: int, seed: int = 0) -> np.ndarray:
    """Left half glass with camera noise, right half stroma as bright, but rough, with nuclei."""
    image = rough_glass(glass, seed)
    for y in range(10, 200, 40):
        for x in range(110, 200, 40):
            image[y : y + 5, x : x + 5] = glass * 10 ** -np.array([0.13, 0.137, 0.1])
    return image


def rough_glass(glass: int, seed: int = 0) -> np.ndarray:
    """Left half glass with camera noise, right half grey texture."""
    rng = np.random.default_rng(seed)
    image = rng.normal(glass, 1, (200, 200, 3))
    image[HALF] += np.repeat(rng.normal(-2, 9, (200, 100, 1)), 3, axis=2)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("glass", [180, 236, 252])
def test_texture_and_dust_without_stain_are_not_tissue(glass):
    image = rough_glass(glass)
    image[20:40, 20:30] = image[150:160, 150:190] = glass // 3  # a hair, a flake
    assert not tissue_mask(image).any()


@pytest.mark.parametrize("density", [(0.13, 0.137, 0.1), (0.04, 0.08, 0.12), (0.05, 0.2, 0.06)])
def test_a_few_stained_cells_make_texture_tissue(density):
    image = rough_glass(236)
    image[60:68, 120:128] = image[130:138, 170:178] = 236 * 10 ** -np.array(density)
    assert tissue_mask(image)[:, 110:].mean() > 0.95


@pytest.mark.parametrize("glass", [180, 215, 236, 252])
def test_pale_tissue_is_found_at_every_background(glass):
    mask = tissue_mask(scene(glass))
    assert mask[:, 110:].mean() > 0.95
    assert mask[:, :90].mean() < 0.02


@pytest.mark.parametrize("glass", [180, 215, 236, 252])
def test_glass_is_found_whatever_its_level(glass):
    assert np.abs(glass_colour(scene(glass)) - glass).max() <= 1.5


def test_smooth_stain_is_tissue():
    image = scene(236)
    image[HALF] = (200, 150, 110)
    assert tissue_mask(image)[:, 110:].all()


def test_white_padding_beside_glass_is_neither_glass_nor_tissue():
    image = np.concatenate([np.full((400, 200, 3), 255, np.uint8), *[scene(234)] * 2])
    assert np.abs(glass_colour(image) - 234).max() <= 1.5
    mask = tissue_mask(image)
    assert mask[:390].mean() < 0.02
    assert mask[410:, 110:].mean() > 0.95


def test_black_fill_is_not_tissue():
    image = scene(236)
    image[:100, :100] = 0
    assert tissue_mask(image)[:90, :90].mean() == 0


def test_a_step_in_the_light_is_not_tissue():
    image = scene(236)
    image[:, :50] -= 6
    assert tissue_mask(image)[:, :90].mean() < 0.1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_image_of_one_colour_holds_no_tissue(value):
    assert not tissue_mask(np.full((50, 60, 3), value, np.uint8)).any()


def test_an_image_full_of_tissue_is_all_tissue():
    rng = np.random.default_rng(0)
    image = rng.normal((140, 145, 170), 25, (100, 100, 3)).clip(0, 255).astype(np.uint8)
    assert tissue_mask(image).all()


def test_share_of_boxes_at_the_edges():
    mask = np.zeros((4, 6), dtype=bool)
    mask[2:] = True
    boxes = np.array([[0, 0, 6, 4], [0, 2, 6, 4], [5, 1, 6, 3], [3, 3, 3, 3]])
    assert tissue_share(mask, boxes).tolist() == [0.5, 1.0, 0.5, 0.0]

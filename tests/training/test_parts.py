import numpy as np
import pytest
import torch

from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.training.augmentation import augment
from her2bench.training.channel_statistics import fitted_preparation
from her2bench.training.recipe import Recipe


def test_normalisation_is_numpys_mean_and_spread_of_the_training_tiles_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
    rows = np.array([0, 2, 5, 7])
    found = fitted_preparation(pixels, rows, chunk=3)
    values = pixels[rows] / 255
    np.testing.assert_allclose(found.mean, values.mean(axis=(0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found.std, values.std(axis=(0, 1, 2)), rtol=1e-9)
    prepared = found(torch.from_numpy(pixels[rows]))
    assert prepared.shape == (4, 3, 8, 8)
    np.testing.assert_allclose(prepared.mean(dim=(0, 2, 3)), 0, atol=1e-5)


def test_augmentation_moves_pixels_of_each_tile_on_its_own_and_changes_none():
    tiles = torch.arange(2 * 4 * 4 * 3).view(2, 4, 4, 3).repeat(32, 1, 1, 1)
    out = augment(tiles.clone(), ("flip", "rotate"), torch.Generator().manual_seed(0))
    assert torch.equal(out.flatten(1).sort().values, tiles.flatten(1).sort().values)
    assert len({tuple(t.flatten().tolist()) for t in out[::2]}) == 8  # the symmetries of a square
    assert torch.equal(augment(tiles, (), torch.Generator()), tiles)


def test_wrong_recipes_are_refused():
    for wrong in (
        *({"learning_rates": rates} for rates in ([0.0], [], [1e-4, 1e-4])),
        *({"pos_weight": weight} for weight in ("balanced", -3, float("nan"))),
    ):
        with pytest.raises(UserError, match=next(iter(wrong))):
            settings_from(Recipe, wrong, "a.toml")

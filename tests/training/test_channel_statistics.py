"""The network's input: standardised with the training tiles alone."""

import numpy as np
import torch

from her2bench.training.channel_statistics import fitted_preparation


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

"""Flips and rotations of training tiles."""

import torch

from her2bench.training.augmentation import augment


def test_augmentation_moves_pixels_of_each_tile_on_its_own_and_changes_none():
    tiles = torch.arange(2 * 4 * 4 * 3).view(2, 4, 4, 3).repeat(32, 1, 1, 1)
    out = augment(tiles.clone(), ("flip", "rotate"), torch.Generator().manual_seed(0))
    assert torch.equal(out.flatten(1).sort().values, tiles.flatten(1).sort().values)
    assert len({tuple(t.flatten().tolist()) for t in out[::2]}) == 8  # the symmetries of a square
    assert torch.equal(augment(tiles, (), torch.Generator()), tiles)

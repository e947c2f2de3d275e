"""Augmentation of a batch on its device: a tile has no up and no left."""

from collections.abc import Sequence

import torch
from torch import Tensor


def augment_each(
    tiles: Tensor, kinds: Sequence[str], generators: Sequence[torch.Generator]
) -> Tensor:
    """Augment equal parts of a batch, each by its own generator, as if it were alone.

    Args:
        tiles: (s * b, 3, size, size), the parts one after the other.
        kinds: as in `augment`.
        generators: (s,) one a part.
    """
    if not kinds or len(generators) == 1:
        return augment(tiles, kinds, generators[0])
    parts = zip(tiles.chunk(len(generators)), generators, strict=True)
    return torch.cat([augment(part, kinds, generator) for part, generator in parts])


def augment(tiles: Tensor, kinds: Sequence[str], generator: torch.Generator) -> Tensor:
    """Flip and rotate the tiles of a batch at random, each on its own.

    Args:
        tiles: (b, 3, size, size).
        kinds: `flip` (left-right, half of the tiles) and `rotate` (by 0, 90, 180 or 270°).
        generator: on the CPU, so that every device draws the same.
    """
    if "flip" in kinds:
        chosen = torch.rand(len(tiles), generator=generator) < 0.5
        tiles = torch.where(chosen.view(-1, 1, 1, 1).to(tiles.device), tiles.flip(3), tiles)
    if "rotate" in kinds:
        quarters = torch.randint(4, (len(tiles),), generator=generator).to(tiles.device)
        for turns in (1, 2, 3):
            chosen = (quarters == turns).view(-1, 1, 1, 1)
            tiles = torch.where(chosen, tiles.rot90(turns, (2, 3)), tiles)
    return tiles

"""From stored tiles (uint8) to network inputs (float)."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalization:
    """The normalisation of a trained network: (value in [0, 1] − mean) / std, per channel.

    The study's input, values in [0, 1], has mean 0 and std 1.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Tiles (b, h, w, 3) uint8 → (b, 3, h, w) float32, normalised, on the same device.

        The memory format stays channels last.
        """
        lines = tiles.float().flatten(2)  # (b, h, w * 3)
        if self == Normalization():
            lines.div_(255)
        else:  # one multiplication and one addition along whole lines are fastest
            factor, shift = _along_a_line(self, tiles.shape[2], tiles.device)
            lines.mul_(factor).add_(shift)
        return lines.view(tiles.shape).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
def _along_a_line(
    prepare: Normalization, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Factor and shift of each value in a line of pixels: two of (width * 3,)."""
    mean, std = torch.tensor([prepare.mean, prepare.std], dtype=torch.float64)
    factor, shift = 1 / (255 * std), -mean / std
    return factor.float().repeat(width).to(device), shift.float().repeat(width).to(device)

"""From tiles as stored (uint8) to what a network takes in (float)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Preparation:
    """The normalisation of a trained network: (value in [0, 1] − mean) / std, per channel.

    The study's own input, plain values in [0, 1], is mean 0 and std 1.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, tiles: np.ndarray, device: torch.device) -> Tensor:
        """Tiles (b, h, w, 3) uint8 → (b, 3, h, w) float32, normalised, on the device."""
        values = torch.from_numpy(np.ascontiguousarray(tiles)).to(device)
        values = values.permute(0, 3, 1, 2).contiguous().float().div_(255)
        if self == Preparation():
            return values
        mean = torch.tensor(self.mean, device=device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=device).view(1, 3, 1, 1)
        return values.sub_(mean).div_(std)

"""mini-HAHNet, the HAHNet-based network of the study: one Inception block, two convolutions.

The Inception block follows Szegedy et al. 2015, "Going deeper with convolutions", figure 2(b).
Deviations, all the study's: the block sits on the RGB input at full resolution, nothing
activates its concatenated output, and a small convolutional network with one hidden layer of
512 takes the place of HAHNet's ResNet-like trunk. Nearly all of its weights are in that layer.
"""

import torch
from torch import Tensor, nn

from her2bench.models.features import Features
from her2bench.models.registry import register_model


class Inception(nn.Module):
    """Tile (b, 3, h, w) → features (b, 120, h, w), four branches side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 32, 1)
        self.three = nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 48, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, 24, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), nn.Conv2d(3, 16, 1))

    def forward(self, tiles: Tensor) -> Tensor:
        branches = (self.one, self.three, self.five, self.pool)
        return torch.cat([branch(tiles) for branch in branches], dim=1)


class MiniHAHNet(nn.Module):
    """Tile (b, 3, size, size) → logit (b,); 359,043,081 parameters at 299 px."""

    def __init__(self, size: int) -> None:
        super().__init__()
        side = size // 4
        self.features = Features(
            Inception(),
            nn.Conv2d(120, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(128 * side * side, 512),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(512, 1),
        )

    def forward(self, tiles: Tensor) -> Tensor:
        return self.classifier(self.features(tiles)).squeeze(1)


register_model("mini_hahnet", MiniHAHNet, smallest=64)

"""hahnet, a compact network inspired by HAHNet, for any tile size.

Wang et al. 2023 describe HAHNet, a hybrid-attention network for HER2 scores with multi-scale
convolutions. We have not seen all of it, so this is *inspired by* it and no reproduction: the
blocks below are written from the papers of their parts. What differs from the study's mini-HAHNet:
a stem that halves the resolution twice before the first block, four blocks instead of one, each
with attention and a shortcut, and global pooling in place of a dense layer over all positions.

    tile → stem (/4) → block 96 → block 192 (/8) → block 288 (/16) → block 384 (/32) → mean → logit

Parts: Szegedy et al. 2015, "Going deeper with convolutions" (branches); Woo et al. 2018, "CBAM:
convolutional block attention module" (channel, then spatial attention); He et al. 2016, "Deep
residual learning" (shortcuts). The network's arguments leave one of these parts out each, to see
what that part is worth.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from her2bench.models.registry import register_model

WIDTHS = (96, 192, 288, 384)
Attention = Literal["both", "channel", "spatial", "none"]


class HAHNet(nn.Module):
    """Tile (b, 3, h, w), h and w at least 32 → logit (b,); 1,017,061 parameters.

    Args:
        attention: channel, then spatial attention in each block, one of them, or none.
        scales: branches of four scales; otherwise one 3 x 3 convolution in their place.
        shortcut: the features that a block is given are added to what it makes.
    """

    def __init__(
        self, attention: Attention = "both", scales: bool = True, shortcut: bool = True
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 32, 3, stride=2), _convolution(32, 64, 3, 2))
        wide = zip((64, *WIDTHS[:-1]), WIDTHS, strict=True)
        parts = attention, scales, shortcut
        self.blocks = nn.Sequential(*(Block(*pair, i == 0, *parts) for i, pair in enumerate(wide)))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(WIDTHS[-1], 1))

    def forward(self, tiles: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(tiles)).mean((2, 3))).squeeze(1)


class Block(nn.Module):
    """Features (b, n, h, w) → (b, m, h/2, w/2): branches of four scales, attention, shortcut.

    The first block keeps the resolution. A quarter of the channels comes from each branch.
    """

    def __init__(
        self,
        given: int,
        wide: int,
        first: bool,
        attention: Attention = "both",
        scales: bool = True,
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        self.smaller = nn.Identity() if first else nn.MaxPool2d(2)
        self.branches = _scales(given, wide) if scales else _one_scale(given, wide)
        self.joined = nn.Sequential(nn.Conv2d(wide, wide, 1, bias=False), nn.BatchNorm2d(wide))
        self.attention = nn.Sequential()
        if attention in ("both", "channel"):
            self.attention.append(ChannelAttention(wide))
        if attention in ("both", "spatial"):
            self.attention.append(SpatialAttention())
        self.shortcut = nn.Conv2d(given, wide, 1) if shortcut else None

    def forward(self, features: Tensor) -> Tensor:
        features = self.smaller(features)
        mixed = self.joined(torch.cat([branch(features) for branch in self.branches], dim=1))
        weighed = self.attention(mixed)
        return (weighed + self.shortcut(features) if self.shortcut else weighed).relu()


def _scales(given: int, wide: int) -> nn.ModuleList:
    quarter, narrow = wide // 4, wide // 8
    return nn.ModuleList(
        [
            _convolution(given, quarter, 1),
            nn.Sequential(_convolution(given, narrow, 1), _convolution(narrow, quarter, 3)),
            nn.Sequential(
                _convolution(given, narrow, 1),
                _convolution(narrow, quarter, 3),
                _convolution(quarter, quarter, 3),
            ),
            nn.Sequential(nn.AvgPool2d(3, 1, 1), _convolution(given, quarter, 1)),
        ]
    )


def _one_scale(given: int, wide: int) -> nn.ModuleList:
    return nn.ModuleList([_convolution(given, wide, 3)])


class ChannelAttention(nn.Module):
    """Each channel scaled by what its mean and its maximum over the tile say (CBAM, figure 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // 8), nn.ReLU(), nn.Linear(channels // 8, channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        scale = self.weigh(features.mean((2, 3))) + self.weigh(features.amax((2, 3)))
        return features * scale.sigmoid()[:, :, None, None]


class SpatialAttention(nn.Module):
    """Each place scaled by what the mean and the maximum of its channels say (CBAM, figure 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, features: Tensor) -> Tensor:
        there = torch.stack([features.mean(1), features.amax(1)], dim=1)
        return features * self.weigh(there).sigmoid()


def _convolution(given: int, made: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU(inplace=True),
    )


register_model("hahnet", HAHNet, smallest=32)

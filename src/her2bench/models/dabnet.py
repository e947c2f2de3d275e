"""dabnet, our network that looks at stain the way a pathologist does, for any tile size.

A pathologist asks how much of the membranes is brown, how strongly, and in how many cells. So:

1. **Stain.** Pixels become optical densities against the tile's own glass (Beer and Lambert), and
   these become amounts of haematoxylin and DAB by colour deconvolution (Ruifrok & Johnston 2001).
   The matrix starts with their vectors and is learned.
2. **Membranes.** Four convolutions see structures from about 3 to 35 pixels on the stain amounts.
   Each but the first is depthwise and pointwise (Howard et al. 2017, "MobileNets").
3. **How many, how strongly.** A mean would lose it: 10% strong cells and 100% weak cells have the
   same. Each channel is pooled to quantiles over the tile, of the stain amounts and of the features
   (compare Hou et al. 2016, "Patch-based convolutional neural network", count-based pooling).

    tile → optical density → 3 stains ┬→ quantiles ──────────────────────────┬→ 32 → logit
                                      └→ /2 → 24 → 48 (/4) → 64 (/8) → quantiles ┘

It expects pixels in [0, 1] without normalisation: the density is the normalisation.

Its arguments leave out or replace one part each, to see what that part is worth.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn, promote_types

from her2bench.models.registry import PIXELS, register_model
from her2bench.stain import stain_matrix

QUANTILES = (0.1, 0.5, 0.75, 0.9, 0.98)  # those of the DAB baseline
WIDTHS = (24, 48, 64)
DARKEST = 1 / 255
GLASS = 0.98  # the quantile of a channel's pixels that is taken as the glass


class DABNet(nn.Module):
    """Tile (b, 3, h, w) of [0, 1], h and w at least 32 → logit (b,); 25,656 parameters.

    Args:
        front_end: stain amounts with a learned matrix, with a fixed one, optical density without
            unmixing, or the pixels as they are.
        pooling: of each channel over the tile.
        pooled: the stain amounts and the features, or one of them.
    """

    def __init__(
        self,
        front_end: Literal["learned", "fixed", "density", "rgb"] = "learned",
        pooling: Literal["quantiles", "mean", "attention"] = "quantiles",
        pooled: Literal["both", "stains", "features"] = "both",
    ) -> None:
        super().__init__()
        channels = {"both": 3 + WIDTHS[-1], "stains": 3, "features": WIDTHS[-1]}[pooled]
        self.pooled = pooled
        self.stains = nn.Identity() if front_end == "rgb" else Stains(front_end)
        if pooled != "stains":
            self.features = nn.Sequential(
                _convolution(3, WIDTHS[0], 5, stride=2),
                *(_separable(*pair) for pair in pairwise(WIDTHS)),
                _separable(WIDTHS[-1], WIDTHS[-1], stride=1),
            )
        self.pool_stains, self.pool_features = _pool(pooling, 3), _pool(pooling, WIDTHS[-1])
        measured = channels * (len(QUANTILES) if pooling == "quantiles" else 1)
        self.classifier = nn.Sequential(
            nn.BatchNorm1d(measured),
            nn.Dropout(0.2),
            nn.Linear(measured, 32),
            nn.SiLU(),
            nn.Linear(32, 1),
        )

    def forward(self, tiles: Tensor) -> Tensor:
        stains, measured = self.stains(tiles), []
        if self.pooled != "features":
            measured.append(self.pool_stains(stains))
        if self.pooled != "stains":
            measured.append(self.pool_features(self.features(stains)))
        return self.classifier(torch.cat(measured, dim=1)).squeeze(1)


class Stains(nn.Module):
    """Tiles (b, 3, h, w) in [0, 1] → amounts of haematoxylin, DAB and a remainder (b, 3, h, w).

    Without unmixing ("density") the optical density of each channel.
    """

    unmix: Tensor  # one stain a row

    def __init__(self, front_end: str = "learned") -> None:
        super().__init__()
        unmix = torch.linalg.inv(torch.from_numpy(stain_matrix()).float()).T.contiguous()
        if front_end == "learned":
            self.unmix = nn.Parameter(unmix)
        else:
            self.register_buffer("unmix", torch.eye(3) if front_end == "density" else unmix)

    def forward(self, tiles: Tensor) -> Tensor:
        tiles = tiles.to(self.unmix.dtype).clamp(DARKEST, 1.0)
        glass = quantiles(tiles, (GLASS,))[:, :, None, None]
        density = (glass / tiles).log10().clamp_min(0)
        return torch.einsum("sc,bchw->bshw", self.unmix, density)


class Attention(nn.Module):
    """Maps (b, c, h, w) → each channel's mean (b, c), weighted by place (Ilse et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, 32, 1), nn.Tanh(), nn.Conv2d(32, 1, 1, bias=False)
        )

    def forward(self, maps: Tensor) -> Tensor:
        weights = self.weigh(maps).flatten(2).softmax(dim=2)
        return (maps.flatten(2) * weights).sum(dim=2)


def quantiles(maps: Tensor, at: tuple[float, ...] = QUANTILES) -> Tensor:
    """Quantiles of each channel over the tile: (b, c, h, w) → (b, c * k), through which one learns.

    The nearest values stand for them. Maps of more than 64 x 64 are averaged down to that first:
    sorting is slow, and neighbouring pixels say the same.
    """
    height, width = (int(side) for side in maps.shape[2:])  # plain numbers while it is traced, too
    step = max(1, min(height, width) // 64)
    if step > 1:
        maps = nn.functional.avg_pool2d(maps, step)
    ordered = maps.to(promote_types(maps.dtype, torch.float32)).flatten(2).sort(dim=2).values
    places = [round(q * (int(ordered.shape[2]) - 1)) for q in at]
    return ordered[:, :, places].flatten(1)


def _pool(pooling: str, channels: int) -> Callable[[Tensor], Tensor]:
    """Maps (b, c, h, w) → what is measured of each channel over the tile."""
    if pooling == "attention":
        return Attention(channels)
    return quantiles if pooling == "quantiles" else _mean


def _mean(maps: Tensor) -> Tensor:
    return maps.mean((2, 3))


def _convolution(given: int, made: int, side: int, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(given, made, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(made),
        nn.SiLU(inplace=True),
    )


def _separable(given: int, made: int, stride: int = 2) -> nn.Module:
    return nn.Sequential(
        _convolution(given, given, 5, stride, groups=given), _convolution(given, made, 1)
    )


register_model("dabnet", DABNet, smallest=32, expects=PIXELS)

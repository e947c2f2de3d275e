"""dabnet, our network that looks at stain the way a pathologist does, for any tile size.

A pathologist looks for the tumour and asks which share of it is stained, and how strongly. So:

1. **Stain.** Pixels become optical densities against the tile's own glass (Beer and Lambert), and
   these become amounts of haematoxylin and DAB by colour deconvolution (Ruifrok & Johnston 2001).
   The matrix starts with their vectors and is learned.
2. **Where.** Four convolutions on the stain amounts see structures of some cells' size and give
   four maps of where to look. Each convolution but the first is depthwise and pointwise (Howard et
   al. 2017, "MobileNets"). A tile with little to look at is one of which the score is not known.
3. **How many, how strongly.** For each map, and for the whole tile, the share of the place looked
   at in which a stain exceeds each of eight levels, as ASCO/CAP's "more than 10% of tumour cells".
   A mean would lose it: 10% strong cells and 100% weak cells have the same. (Compare attention
   pooling, Ilse et al. 2018, which averages features.)

    tile → optical density → 3 stains ┬→ above each of 8 levels? ─────┬→ shares → 32 → logit
                                      └→ /2 → 24 → 48 (/4) → 64 → 64 → where

It expects pixels in [0, 1] without normalisation: the density is the normalisation.

Its arguments leave out or replace one part each, to see what that part is worth.
"""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn, promote_types
from torch.nn.functional import avg_pool2d

from her2bench.models.registry import PIXELS, register_model
from her2bench.stain import stain_matrix

PLACES = 4  # maps of where to look
STEP = 4  # pixels from one place to the next
DARKEST = 1 / 255
GLASS = 0.98  # the quantile of a channel's pixels that is taken as the glass


class DABNet(nn.Module):
    """Tile (b, 3, h, w) of [0, 1], h and w at least 32 → logit (b,); 18,894 parameters.

    Args:
        front_end: stain amounts with a learned matrix, with a fixed one, optical density without
            unmixing, or the pixels as they are.
        where: at the places that four convolutions find, or everywhere alike.
        measured: shares above levels of a stain, or the mean amount of it.
    """

    def __init__(
        self,
        front_end: Literal["learned", "fixed", "density", "rgb"] = "learned",
        where: Literal["learned", "everywhere"] = "learned",
        measured: Literal["shares", "mean"] = "shares",
    ) -> None:
        super().__init__()
        self.stains = nn.Identity() if front_end == "rgb" else Stains(front_end)
        self.where = Where() if where == "learned" else None
        self.levels = Levels() if measured == "shares" else nn.Identity()
        places = PLACES if self.where else 0
        numbers = (places + 1) * 3 * (Levels.number if measured == "shares" else 1) + places
        self.normalise = nn.BatchNorm1d(numbers)
        self.direct = nn.Linear(numbers, 1)
        self.classifier = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(numbers, 32), nn.SiLU(), nn.Linear(32, 1)
        )

    def forward(self, tiles: Tensor) -> Tensor:
        stains = self.stains(tiles)
        above = self.levels(stains)
        numbers = [above.mean((2, 3))]
        if self.where is not None:
            where = self.where(stains)
            above = avg_pool2d(above, STEP, ceil_mode=True, count_include_pad=False)
            seen = where.sum((2, 3))
            shares = where.flatten(2) @ above.flatten(2).mT / (seen[:, :, None] + 1)
            numbers += [shares.flatten(1), where.mean((2, 3))]
        measured = self.normalise(torch.cat(numbers, dim=1))
        return (self.direct(measured) + self.classifier(measured)).squeeze(1)


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
        density = (glass(tiles)[:, :, None, None] / tiles).log10().clamp_min(0)
        return (self.unmix @ density.flatten(2)).view(density.shape)


class Where(nn.Sequential):
    """Stains (b, 3, h, w) → maps (b, PLACES, h / 4, w / 4) of where to look, 0 to 1."""

    def __init__(self) -> None:
        super().__init__(
            _convolution(3, 24, 5, stride=2),
            _separable(24, 48, stride=2),
            _separable(48, 64),
            _separable(64, 64),
            nn.Conv2d(64, PLACES, 1),
            nn.Sigmoid(),
        )


class Levels(nn.Module):
    """Stains (b, 3, h, w) → how far each exceeds each level (b, 3 * number, h, w), 0 to 1.

    The levels, and how sharply they divide amounts, are learned.
    """

    number = 8

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.linspace(0.05, 0.9, self.number).repeat(3, 1))
        self.log_widths = nn.Parameter(torch.full((3, 1), log(0.07)))

    def forward(self, stains: Tensor) -> Tensor:
        sharpness = (-self.log_widths).exp()
        stains = stains * sharpness[:, :, None]
        above = stains[:, :, None] - (self.levels * sharpness)[:, :, None, None]
        return above.sigmoid().flatten(1, 2)


def glass(tiles: Tensor) -> Tensor:
    """The brightness of glass in each channel: (b, c, h, w) → (b, c), a high quantile.

    The nearest pixel stands for it. Tiles of more than 64 x 64 are averaged down to that first:
    sorting is slow, and neighbouring pixels say the same.
    """
    step = max(1, min(map(int, tiles.shape[2:])) // 64)
    if step > 1:
        tiles = avg_pool2d(tiles, step)
    values = tiles.to(promote_types(tiles.dtype, torch.float32)).flatten(2)
    pixels = int(values.shape[2])
    return values.topk(pixels - round(GLASS * (pixels - 1)), dim=2).values[:, :, -1]


def _convolution(given: int, made: int, side: int, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(given, made, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(made),
        nn.SiLU(inplace=True),
    )


def _separable(given: int, made: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        _convolution(given, given, 5, stride, groups=given), _convolution(given, made, 1)
    )


register_model("dabnet", DABNet, smallest=32, expects=PIXELS)

"""Augmentation of a batch on its device: what a tile's score does not depend on.

Each kind changes each tile independently. Draws are on the CPU, so that every device draws the
same. Tiles stay uint8 between kinds: a quarter of the memory of float32.
"""

import io
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

from her2bench.stain import stain_matrix

SMALLEST = 0.8  # side of the smallest crop, as a share of the tile's
STAIN = 0.1  # the largest change of a stain's amount, as a share
HUE = 0.03  # the largest change of a stain vector's components
WHITE = 0.05  # the largest change of the light, as a share
TINT = 0.02  # the largest change of each channel's light, as a share
GLASS = 0.98  # the quantile of a channel's pixels that is taken as the glass
BLUR = 1.0  # the largest standard deviation, pixels
QUALITIES = (50, 95)  # of the JPEG

Draw = torch.Generator


def augment(tiles: Tensor, kinds: Sequence[str], generator: Draw, strength: float = 1.0) -> Tensor:
    """Change the tiles of a batch at random.

    Args:
        tiles: (b, size, size, 3) uint8; may be changed in place.
        kinds: `flip` (left-right, half of the tiles), `rotate` (by 0, 90, 180 or 270°), `crop` (80
            to 100% of the side, enlarged again), `stain` (haematoxylin and DAB up to 10% more or
            less and their vectors slightly turned, in optical density), `white` (light up to 5%
            more or less, and 2% in each channel), `blur` (half of the tiles, up to 1 pixel),
            `jpeg` (half of the tiles, compressed again at quality 50 to 95).
        generator: on the CPU.
        strength: factor on the amounts above, 0 to 2; flips and rotations have none.

    Returns:
        (b, size, size, 3) uint8.
    """
    if "flip" in kinds or "rotate" in kinds:
        tiles = turned(tiles, "flip" in kinds, "rotate" in kinds, generator)
    for kind, change in CHANGES.items():
        if kind in kinds and strength > 0:
            tiles = change(tiles, generator, strength)
    return tiles


def turned(tiles: Tensor, flip: bool, rotate: bool, generator: Draw) -> Tensor:
    """Tiles flipped and rotated, in place: each tile is moved once."""
    count = len(tiles)
    flips, quarters = torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.int64)
    if flip:
        flips = torch.rand(count, generator=generator) < 0.5
    if rotate:
        quarters = torch.randint(4, (count,), generator=generator)
    for flipped, turns in list(itertools.product((False, True), range(4)))[1:]:
        rows = torch.nonzero((flips == flipped) & (quarters == turns)).flatten().to(tiles.device)
        moved = tiles[rows].flip(2) if flipped else tiles[rows]
        tiles[rows] = moved.rot90(turns, (1, 2))
    return tiles


def cropped(tiles: Tensor, generator: Draw, strength: float = 1.0) -> Tensor:
    """A part of each tile, enlarged to its size by bilinear interpolation."""
    count, device = len(tiles), tiles.device
    side = 1 - strength * (1 - SMALLEST) * torch.rand(count, generator=generator)
    places = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - side)[:, None]
    frames = torch.zeros(count, 2, 3)
    frames[:, 0, 0] = frames[:, 1, 1] = side
    frames[:, :, 2] = places
    planes = tiles.permute(0, 3, 1, 2).float()
    grid = affine_grid(frames.to(device), list(planes.shape), align_corners=False)
    return _as_pixels(grid_sample(planes, grid, padding_mode="border", align_corners=False))


def restained(tiles: Tensor, generator: Draw, strength: float = 1.0) -> Tensor:
    """Other amounts of stain and slightly other stains, in optical density (Beer and Lambert).

    The density is against the tile's own glass, so that glass stays as it is. The bounds keep what
    a score is read from: DAB changes by at most a tenth, as it does between two stainings of one
    laboratory. Compare Tellez et al. 2018, IEEE Trans Med Imaging 37:2126.
    """
    count, device = len(tiles), tiles.device
    matrix = torch.from_numpy(stain_matrix()).float()
    amounts = 1 + strength * STAIN * _uniform((count, 1, 3), generator)
    vectors = matrix + strength * HUE * _uniform((count, 3, 3), generator)
    vectors = vectors / vectors.norm(dim=2, keepdim=True)
    change = torch.linalg.inv(matrix) @ (amounts.transpose(1, 2) * vectors)
    pixels = tiles.float().clamp_min(1).flatten(1, 2)
    some = pixels[:, :: max(1, pixels.shape[1] // 4096)].sort(dim=1).values
    glass = some[:, round(GLASS * (some.shape[1] - 1)), None]
    density = (glass / pixels).log10() @ change.to(device)
    return (glass * 10**-density).round().clamp(0, 255).to(torch.uint8).view(tiles.shape)


def relit(tiles: Tensor, generator: Draw, strength: float = 1.0) -> Tensor:
    """Another white point: brighter or darker, and slightly tinted."""
    light = 1 + strength * WHITE * _uniform((len(tiles), 1, 1, 1), generator)
    light = light * (1 + strength * TINT * _uniform((len(tiles), 1, 1, 3), generator))
    return (tiles.float() * light.to(tiles.device)).round().clamp(0, 255).to(torch.uint8)


def blurred(tiles: Tensor, generator: Draw, strength: float = 1.0) -> Tensor:
    """Half of the tiles out of focus, by a Gaussian filter."""
    count, device = len(tiles), tiles.device
    sigma = strength * BLUR * torch.rand(count, generator=generator)
    chosen = torch.rand(count, generator=generator) < 0.5
    reach = torch.arange(-3, 4).float()
    weights = torch.exp(-0.5 * (reach / sigma.clamp_min(0.05)[:, None]) ** 2)
    weights = torch.where(chosen[:, None], weights, (reach == 0).float())
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(3, 0).to(device)
    planes = tiles.permute(0, 3, 1, 2).float()
    height, width = planes.shape[2:]
    rows = pad(planes, (3, 3, 3, 3), mode="replicate")
    rows = rows.reshape(1, 3 * count, height + 6, width + 6)
    rows = conv2d(rows, weights[:, None, :, None], groups=3 * count)
    rows = conv2d(rows, weights[:, None, None, :], groups=3 * count)
    return _as_pixels(rows.view(count, 3, height, width))


def recompressed(tiles: Tensor, generator: Draw, strength: float = 1.0) -> Tensor:
    """Half of the tiles as JPEG of a random quality; decoded on the CPU, whatever the device."""
    chosen = torch.nonzero(torch.rand(len(tiles), generator=generator) < 0.5).flatten().tolist()
    worst = max(10, round(QUALITIES[1] - strength * (QUALITIES[1] - QUALITIES[0])))
    qualities = torch.randint(worst, QUALITIES[1] + 1, (len(chosen),), generator=generator)
    for row, quality in zip(chosen, qualities.tolist(), strict=True):
        stream = io.BytesIO()
        Image.fromarray(tiles[row].cpu().numpy()).save(stream, "JPEG", quality=quality)
        pixels = np.array(Image.open(stream))
        tiles[row] = torch.from_numpy(pixels).to(tiles.device)
    return tiles


CHANGES: dict[str, Callable[[Tensor, Draw, float], Tensor]] = {
    "crop": cropped,
    "stain": restained,
    "white": relit,
    "blur": blurred,
    "jpeg": recompressed,
}
"""The kinds beside `flip` and `rotate`, in the order of application: a slide's way to a file."""


def _uniform(shape: tuple[int, ...], generator: Draw) -> Tensor:
    return 2 * torch.rand(shape, generator=generator) - 1


def _as_pixels(planes: Tensor) -> Tensor:
    """(b, 3, h, w) float → (b, h, w, 3) uint8."""
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

"""Which tiles of a slide are predicted: where there is tissue, at the scale of training."""

from dataclasses import dataclass

import numpy as np

from her2bench.core.errors import UserError
from her2bench.data.decoding.reading import SourceImage
from her2bench.data.decoding.slides import PLAUSIBLE_MPP
from her2bench.data.sources.images import grid
from her2bench.data.tissue import share_of_tissue, tissue_of
from her2bench.prediction.training_scale import TrainingScale


@dataclass(frozen=True)
class SlideTiling:
    """How slides are divided into tiles.

    Attributes:
        mpp: µm/pixel at full resolution of slides that do not say it.
        tile_size: side of a tile in pixels at full resolution; None: as in training.
        overlap: share of a tile's side that it has in common with the next.
        min_tissue: least share of a tile that is tissue.
    """

    mpp: float | None = None
    tile_size: int | None = None
    overlap: float = 0.0
    min_tissue: float = 0.5

    def check(self) -> None:
        """Refuse impossible values.

        Raises:
            UserError: which, and what is expected.
        """
        low, high = PLAUSIBLE_MPP
        limits = {
            "--mpp": (self.mpp, low, high, "µm/pixel of a scan"),
            "--tile-size": (self.tile_size, 8, 100_000, "pixels per side"),
            "--overlap": (self.overlap, 0, 0.95, "a share of a tile's side"),
            "--min-tissue": (self.min_tissue, 0, 1, "a share of a tile"),
        }
        for name, (value, least, most, what) in limits.items():
            if value is not None and not least <= value <= most:
                expected = f"{what}, from {least:g} to {most:g}"
                raise UserError(name, found=f"{value:g}", expected=expected)


@dataclass(frozen=True)
class SlideTiles:
    """The tiles of a slide.

    Attributes:
        side: pixels at full resolution.
        corners: (n, 2) int64, x and y at full resolution, row by row.
        coarsest: how many times the level that is read may be shrunk.
        mask: (h, w) bool, tissue, the whole slide shrunk.
        mpp: µm/pixel at full resolution; None: not known.
    """

    side: int
    corners: np.ndarray
    coarsest: float
    mask: np.ndarray
    mpp: float | None


def side_on(
    where: object, image: SourceImage, scale: TrainingScale | None, tiling: SlideTiling
) -> tuple[int, float]:
    """Side of a tile in pixels at full resolution, and how many times its level may be shrunk.

    A tile shows the field of a training tile. It is read from the level that is nearest to the
    µm/pixel at which training tiles were cut and not coarser. Where the training tiles' µm/pixel is
    unknown, a tile has as many pixels at full resolution as they had.

    Raises:
        UserError: µm/pixel or the training tiles' size is not known, or the slide is too small.
    """
    mpp = image.mpp or tiling.mpp
    if tiling.tile_size is not None:
        side, coarsest = tiling.tile_size, 1.0
    elif scale is None:
        raise UserError(
            where,
            found="the size of the model's training tiles is not known, or they have several",
            expected="a run inside its comparison folder, whose manifest and tiles can be read, "
            "with tiles of one field of view (their side times µm/pixel)",
            hint="give the side of a tile in pixels at full resolution with --tile-size",
        )
    elif scale.mpp is not None and mpp is None:
        raise UserError(
            where,
            found="µm/pixel is missing, or not that of a scan",
            expected=f"µm/pixel: the model was trained on tiles of {scale.mpp:g} µm/pixel",
            hint="give it with --mpp",
        )
    else:
        side = scale.side_at(mpp)
        coarsest = max(1.0, scale.mpp / mpp) if scale.mpp and mpp else 1.0
    if side > min(image.width, image.height):
        raise UserError(
            where,
            found=f"{image.width} x {image.height} pixels",
            expected=f"at least one tile of {side} x {side}",
            hint="check --mpp" if mpp else "choose a smaller --tile-size",
        )
    return side, coarsest


def tiles_of(
    where: object, image: SourceImage, scale: TrainingScale | None, tiling: SlideTiling
) -> SlideTiles:
    """The tiles of a slide that hold enough tissue, the same as `manifest images` finds.

    Raises:
        UserError: there are none, or see `side_on`.
        UnreadableImage: its overview cannot be read.
    """
    side, coarsest = side_on(where, image, scale, tiling)
    step = max(1, round(side * (1 - tiling.overlap)))
    corners = grid(image.width, image.height, side, step)
    mask = tissue_of(image, side)
    corners = corners[share_of_tissue(mask, image, corners, side) >= tiling.min_tissue]
    if not len(corners):
        raise UserError(
            where,
            found=f"no tissue: no tile of {side} x {side} pixels is {tiling.min_tissue:.0%} tissue",
            expected="tissue that haematoxylin or DAB stains",
            hint="look at the slide; lower --min-tissue for thin tissue",
        )
    return SlideTiles(side, corners, coarsest, mask, image.mpp or tiling.mpp)

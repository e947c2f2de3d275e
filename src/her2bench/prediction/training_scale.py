"""The scale of training tiles: their side in pixels, and the µm/pixel at which they were cut."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.decoding.squares import Square

_SAMPLE = 20  # image files opened to learn their size


@dataclass(frozen=True)
class TrainingScale:
    """How large training tiles are.

    Attributes:
        side: pixels as cut from the image, the median; not those that the network sees.
        mpp: µm/pixel of these pixels, the median; None: not known of every tile.
    """

    side: int
    mpp: float | None = None

    def __post_init__(self) -> None:
        if self.side < 1 or not (self.mpp is None or 0 < self.mpp < math.inf):
            raise ValueError(f"a tile of {self.side} pixels at {self.mpp} µm/pixel is impossible")

    def side_at(self, mpp: float | None) -> int:
        """Side in pixels of the same field in an image of `mpp` µm/pixel.

        Without µm/pixel of the training tiles: as many pixels as they have.

        >>> TrainingScale(512, 0.5).side_at(0.25), TrainingScale(512).side_at(0.25)
        (1024, 512)
        """
        if self.mpp is None or mpp is None:
            return self.side
        return max(1, round(self.side * self.mpp / mpp))


def scale_of(manifest: pl.DataFrame, square: Square = "squash") -> TrainingScale | None:
    """The scale of a manifest's tiles; None where no tile's size can be read.

    Args:
        manifest: as `read_manifest` gives it.
        square: what is done with tiles that are not square: `crop` shows their shorter side.
    """
    sizes = _sizes(manifest)
    if not len(sizes):
        return None
    sides = sizes.min(axis=1) if square == "crop" else sizes.max(axis=1)
    mpp = manifest["mpp"] if "mpp" in manifest.columns else None
    known = None if mpp is None or mpp.null_count() else mpp.median()
    return TrainingScale(round(float(np.median(sides))), known)  # type: ignore[arg-type]


def _sizes(manifest: pl.DataFrame) -> np.ndarray:
    if "width" in manifest.columns:
        regions = manifest.select("width", "height").drop_nulls()
        if len(regions):
            return regions.to_numpy()
    found = []
    for row in np.unique(np.linspace(0, len(manifest) - 1, _SAMPLE).astype(int)):
        try:
            image = open_image(manifest["path"][int(row)])
        except UnreadableImage:
            continue
        found.append((image.width, image.height))
        image.close()
    return np.array(found).reshape(-1, 2)

"""The scale of training tiles: their side in pixels, and the µm/pixel at which they were cut."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.decoding.squares import Square

_SAMPLE = 20  # image files opened to learn their size
_ALIKE = 1.02  # ratio of fields of view that still count as one


@dataclass(frozen=True)
class TrainingScale:
    """How large training tiles are.

    Attributes:
        side: pixels as cut from the image, the median; not those that the network sees.
        mpp: µm/pixel of these pixels; None: not known of every tile.
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

    def mpp_at(self, size: int) -> float | None:
        """µm/pixel of a tile resized to `size` pixels per side; None where it is not known.

        >>> TrainingScale(512, 0.25).mpp_at(256), TrainingScale(512).mpp_at(256)
        (0.5, None)
        """
        return None if self.mpp is None else self.side * self.mpp / size


def scale_in(folder: ComparisonFolder, square: Square = "squash") -> TrainingScale | None:
    """The scale of a comparison's tiles, by its manifest; None where it has none, or see below."""
    if not folder.manifest.is_file():
        return None
    folder.check(folder.manifest)
    return scale_of(read_manifest(folder.manifest), square)


def scale_of(manifest: pl.DataFrame, square: Square = "squash") -> TrainingScale | None:
    """The scale of a manifest's tiles.

    Args:
        manifest: as `read_manifest` gives it.
        square: what is done with tiles that are not square: `crop` shows their shorter side.

    Returns:
        None where no tile's size can be read, or where tiles of known µm/pixel show fields of
        different sizes: then no tile of a slide is like all of them.
    """
    rows, sizes = _sizes(manifest)
    if not len(sizes):
        return None
    sides = sizes.min(axis=1) if square == "crop" else sizes.max(axis=1)
    side = round(float(np.median(sides)))
    if "mpp" not in manifest.columns or manifest["mpp"].null_count():
        return TrainingScale(side)
    fields = sides * manifest["mpp"].to_numpy()[rows]
    if fields.max() > fields.min() * _ALIKE:
        return None
    return TrainingScale(side, round(float(np.median(fields)) / side, 6))


def _sizes(manifest: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The rows of some tiles (n,), and their width and height (n, 2)."""
    if "width" in manifest.columns:
        regions = manifest.with_row_index("row").drop_nulls(["width", "height"])
        if len(regions):
            return regions["row"].to_numpy(), regions.select("width", "height").to_numpy()
    rows, found = [], []
    for row in _sample(manifest):
        try:
            image = open_image(manifest["path"][row])
        except UnreadableImage:
            continue
        rows.append(row)
        found.append((image.width, image.height))
        image.close()
    return np.array(rows, np.int64), np.array(found).reshape(-1, 2)


def _sample(manifest: pl.DataFrame) -> list[int]:
    """Rows at even distances, and those of the least and the greatest µm/pixel."""
    rows = np.linspace(0, len(manifest) - 1, _SAMPLE).astype(int).tolist()
    if "mpp" in manifest.columns:
        rows += [row for row in (manifest["mpp"].arg_min(), manifest["mpp"].arg_max()) if row]
    return sorted(set(rows))

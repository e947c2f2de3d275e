"""Reading tiles: whole images, regions of images, and slides through OpenSlide."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from her2bench.data.decoding.memory_budget import BYTES_PER_PIXEL, decoding_budget
from her2bench.data.decoding.slides import opened_slide, plausible_mpp
from her2bench.data.decoding.unreadable import (
    BROKEN,
    UnreadableImage,
    broken_is_unreadable,
    regular_file,
)
from her2bench.data.decoding.whole_images import check_single, decoded, opened, stored_size

MOST_PIXELS = 1_000_000_000
"""Of an image that is read by regions: larger than any that a scanner exports."""
MOST_TILE_PIXELS = 100_000_000
"""Of one tile: 10,000 pixels per side, four times an ordinary tissue core at 40x."""
# Pillow's own limit (89 megapixels) is below what is read by regions.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
# It only warns up to twice its limit; ours refuses there, with the file's name.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_MICROMETRES = {2: 25_400.0, 3: 10_000.0}


class Region(NamedTuple):
    """A rectangle of an image, in pixels at full resolution."""

    x: int
    y: int
    width: int
    height: int


class SourceImage(Protocol):
    """An open image: its size in pixels, its µm/pixel where known, and its pixels.

    `origin`: x, y of the part that viewers show; 0, 0 but for formats that pad around it.
    """

    width: int
    height: int
    mpp: float | None
    origin: tuple[int, int]

    def read(self, region: Region, coarsest: float = 1.0) -> np.ndarray:
        """The region as (h, w, 3) uint8 RGB, shrunk no more than `coarsest` times by its level."""
        ...

    def overview(self, longest: int) -> np.ndarray:
        """The whole image shrunk to at most `longest` pixels per side, (h, w, 3) uint8 RGB."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_image(path: str | Path) -> SourceImage:
    """Open an image by its content: a slide with OpenSlide, anything else with Pillow.

    Raises:
        UnreadableImage: missing, empty, no regular file, not an image, of several pictures, or
            absurdly large.
    """
    path = Path(path)
    with broken_is_unreadable():
        if not path.exists():
            raise UnreadableImage("no such file")
        if not regular_file(path):
            raise UnreadableImage("is a folder" if path.is_dir() else "not a regular file")
        if path.stat().st_size == 0:
            raise UnreadableImage("empty file (0 bytes)")
        return opened_slide(path) or _Flat(path)


def read_tile(path: str | Path, region: Region | None = None) -> np.ndarray:
    """One tile: an image, or a region of one, as (height, width, 3) uint8 RGB.

    Raises:
        UnreadableImage: the file cannot be read, or the region does not lie inside the image.
    """
    (tile,) = read_tiles(path, [region])
    if isinstance(tile, UnreadableImage):
        raise tile
    return tile


def read_tiles(
    path: str | Path, regions: Sequence[Region | None]
) -> Iterator[np.ndarray | UnreadableImage]:
    """All requested regions of one image, in order, from one opening (and one decode).

    Yields:
        (height, width, 3) uint8 RGB; where it cannot be read, the reason in its place.
    """
    try:
        image = open_image(path)
    except UnreadableImage as error:
        yield from [error] * len(regions)
        return
    try:
        for region in regions:
            try:
                tile = _read(image, region)
            except UnreadableImage as error:
                tile = error
            yield tile
    finally:
        image.close()


def read_scaled(path: str | Path, side: int) -> np.ndarray | None:
    """A JPEG as its decoder scales it: the smallest of full, 1/2, 1/4 or 1/8 size not below `side`.

    Several times as quick as a full decode, and not the same pixels as a full decode resized.

    Returns:
        (height, width, 3) uint8 RGB; None where the file is no JPEG, or cannot be read.
    """
    path = Path(path)
    try:
        if not regular_file(path):
            return None
        with opened(path) as image:
            pixels = image.width * image.height
            if image.format != "JPEG" or pixels > MOST_TILE_PIXELS:
                return None
            with decoding_budget().held(pixels):
                return decoded(image, path, side).copy()  # since PyTorch wants it writable
    except (UnreadableImage, *BROKEN):
        return None  # a full decode will say why


def _read(image: SourceImage, region: Region | None) -> np.ndarray:
    region = region or Region(0, 0, image.width, image.height)
    x, y, width, height = region
    if min(x, y) < 0 or x + width > image.width or y + height > image.height:
        raise UnreadableImage(
            f"image of {image.width} x {image.height} pixels does not hold the region "
            f"x={x} y={y} width={width} height={height}"
        )
    _reasonable(width, height, MOST_TILE_PIXELS)
    with broken_is_unreadable():
        return image.read(region)


class _Flat:
    """An image that Pillow decodes whole, once, on first use."""

    origin: tuple[int, int] = (0, 0)

    def __init__(self, path: Path) -> None:
        self._path, self._bytes_held, self._lock = path, 0, threading.Lock()
        self._pixels: np.ndarray | UnreadableImage | None = None
        with opened(path) as image:
            check_single(image)
            self.width, self.height = stored_size(image)
            self.mpp = _tiff_mpp(image)
        _reasonable(self.width, self.height, MOST_PIXELS)

    def read(self, region: Region, coarsest: float = 1.0) -> np.ndarray:
        with self._lock:  # threads share one decode
            if self._pixels is None:
                self._pixels = self._decoded()
        if isinstance(self._pixels, UnreadableImage):
            raise self._pixels
        x, y, width, height = region
        return self._pixels[y : y + height, x : x + width]

    def _decoded(self) -> np.ndarray | UnreadableImage:
        """The pixels, or why there are none: once is enough, however many regions are asked for."""
        self._bytes_held = decoding_budget().take(BYTES_PER_PIXEL * self.width * self.height)
        try:
            with broken_is_unreadable(), opened(self._path) as image:
                return decoded(image, self._path)
        except UnreadableImage as error:
            return error

    def overview(self, longest: int) -> np.ndarray:
        if isinstance(self._pixels, np.ndarray):  # no second loan beside the one that is held
            return _shrunk(self._pixels, longest)
        # The JPEG decoder's own scaling: a core of 30 megapixels in 40 ms, not 400.
        held = decoding_budget().held(self.width * self.height)
        with broken_is_unreadable(), opened(self._path) as image, held:
            return _shrunk(decoded(image, self._path, longest), longest)

    def close(self) -> None:
        decoding_budget().give_back(self._bytes_held)
        self._pixels, self._bytes_held = None, 0


def _reasonable(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise UnreadableImage(
            f"{width} x {height} pixels is more than can be decoded at once "
            f"({most:,}); convert it to a pyramidal TIFF, or name regions of it"
        )


def _shrunk(rgb: np.ndarray, longest: int) -> np.ndarray:
    scale = longest / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX))


def _tiff_mpp(image: Image.Image) -> float | None:
    tags = getattr(image, "tag_v2", None)
    if image.format != "TIFF" or not tags or not tags.get(282):
        return None
    unit = _MICROMETRES.get(tags.get(296, 2))
    return plausible_mpp(unit / float(tags[282])) if unit else None

"""Slides that OpenSlide reads: regions of any level, and an overview in bands."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from openslide import OpenSlide, OpenSlideCache, OpenSlideError
from PIL import Image

from her2bench.data.decoding.rgb import to_rgb
from her2bench.data.decoding.tiff_directories import check_tiles
from her2bench.data.decoding.unreadable import UnreadableImage, broken_is_unreadable

_CACHE = 128_000_000  # bytes of decoded blocks, shared by all threads: neighbours need them again
_TIFFS = ("generic-tiff", "aperio")  # other kinds have rules of their own for missing tiles
_BAND = 4_000_000  # pixels read at once for an overview
PLAUSIBLE_MPP = (0.05, 20.0)
"""µm/pixel of a scan: a resolution outside of it is a screen's, or a mistake."""


class Slide:
    """A slide: only the asked region is read, by each thread through a handle of its own.

    Attributes:
        width: pixels at full resolution.
        height: pixels at full resolution.
        mpp: µm/pixel at full resolution, where the slide says so.
        origin: x, y of the scanned part, where a format pads around it; viewers count from there.
        downsamples: of each level, 1 first.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._cache = path, OpenSlideCache(_CACHE)
        self._handles, self._own = list[OpenSlide](), threading.local()
        first = self._slide
        self.width, self.height = first.dimensions
        self.downsamples = first.level_downsamples
        self._sizes = first.level_dimensions
        self.mpp = plausible_mpp(first.properties.get("openslide.mpp-x"))
        x, y = (first.properties.get(f"openslide.bounds-{axis}", "0") for axis in "xy")
        self.origin = (int(x), int(y)) if (x + y).isdigit() else (0, 0)

    def read(self, region: tuple[int, int, int, int], coarsest: float = 1.0) -> np.ndarray:
        """A region from the coarsest level that shrinks no more than `coarsest` times.

        Args:
            region: x, y, width, height in pixels at full resolution.
            coarsest: 1: full resolution.

        Returns:
            (h, w, 3) uint8 RGB, at that level's resolution; transparent pixels white.
        """
        x, y, width, height = region
        level = self._level(coarsest)
        factor = self.downsamples[level]
        size = max(1, round(width / factor)), max(1, round(height / factor))
        return np.asarray(self._read((x, y), level, size))

    def overview(self, longest: int) -> np.ndarray:
        """The whole slide shrunk to at most `longest` pixels per side, (h, w, 3) uint8 RGB.

        It is read from a low level and band by band, so that one of a single level fits, too.
        """
        shrink = max(1.0, max(self.width, self.height) / longest)
        width, height = (max(1, round(side / shrink)) for side in (self.width, self.height))
        with broken_is_unreadable():
            return np.concatenate(list(self._bands(width, height, self._level(shrink))))

    def close(self) -> None:
        """Close the handles of all threads."""
        for handle in self._handles:
            handle.close()
        self._handles.clear()

    def _level(self, coarsest: float) -> int:
        fine = [i for i, factor in enumerate(self.downsamples) if factor <= coarsest * 1.001]
        return max(fine, key=lambda i: self.downsamples[i], default=0)

    def _bands(self, width: int, height: int, level: int) -> Iterator[np.ndarray]:
        (across, down), factor = self._sizes[level], self.downsamples[level]
        rows = max(1, int(_BAND / across * height / down))
        for first in range(0, height, rows):
            top, bottom = (row * down / height for row in (first, min(first + rows, height)))
            start, stop = int(top), min(down, int(np.ceil(bottom)))
            band = self._read((0, int(start * factor)), level, (across, stop - start))
            box = (0, top - start, across, bottom - start)
            size = width, min(rows, height - first)
            yield np.asarray(band.resize(size, Image.Resampling.BOX, box))

    @property
    def _slide(self) -> OpenSlide:
        slide = getattr(self._own, "slide", None)
        if slide is None:
            slide = self._own.slide = OpenSlide(self._path)
            slide.set_cache(self._cache)
            self._handles.append(slide)
        return slide

    def _read(self, corner: tuple[int, int], level: int, size: tuple[int, int]) -> Image.Image:
        try:
            return to_rgb(self._slide.read_region(corner, level, size))
        except OpenSlideError as error:
            # OpenSlide refuses every read after a failed one, so start afresh.
            broken, self._own.slide = self._own.slide, None
            with suppress(ValueError):
                self._handles.remove(broken)
            broken.close()
            raise UnreadableImage(str(error)) from error


def opened_slide(path: Path) -> Slide | None:
    """The slide, or nothing where OpenSlide does not know the file, or not that kind of TIFF.

    Raises:
        UnreadableImage: a TIFF whose tiles do not make up its size.
    """
    try:
        kind = OpenSlide.detect_format(path)
        if kind in _TIFFS:
            with path.open("rb") as stream:
                check_tiles(stream)
        return Slide(path) if kind else None
    except OpenSlideError:
        return None


def plausible_mpp(value: str | float | None) -> float | None:
    """Screen resolutions such as 72 dots per inch (353 µm/pixel) are common; they are ignored."""
    if value is None:
        return None
    low, high = PLAUSIBLE_MPP
    return float(value) if low <= float(value) <= high else None

"""Tiles of a slide, read and resized by threads while the network computes; memory is bounded."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from her2bench.core.parallel import threads, workers
from her2bench.data.decoding.reading import Region, SourceImage, UnreadableImage
from her2bench.data.decoding.rgb import resized
from her2bench.data.decoding.unreadable import broken_is_unreadable
from her2bench.prediction.domain_shift import Training, distances
from her2bench.prediction.slides.slide_tiles import SlideTiles

BATCH = {"cuda": 256}
"""Tiles read together, by type of device; 32 on others."""
_AHEAD = 2  # batches that wait for the network, beside those that are being read


@dataclass(frozen=True)
class TileBatch:
    """Some tiles as the network takes them.

    Attributes:
        rows: (b,) places in `SlideTiles.corners`.
        pixels: (b, size, size, 3) uint8.
        distances: (b,) float64 from the training tiles; NaN where they are not known.
        unreadable: reason by place, of the tiles left out.
    """

    rows: np.ndarray
    pixels: np.ndarray
    distances: np.ndarray
    unreadable: dict[int, str]


def tile_batches(
    image: SourceImage,
    tiles: SlideTiles,
    size: int,
    training: Training | str,
    batch: int = 32,
) -> Generator[TileBatch, None, None]:
    """The tiles of a slide in batches, in order.

    Args:
        image: the slide.
        tiles: which of it.
        size: side at which the network sees tiles.
        training: what their distance is measured from.
        batch: tiles together.
    """

    def read(rows: np.ndarray) -> TileBatch:
        pixels, bad = [], {}
        for row in rows.tolist():
            x, y = tiles.corners[row].tolist()
            region = Region(x, y, tiles.side, tiles.side)
            try:
                with broken_is_unreadable():
                    pixels.append(resized(image.read(region, tiles.coarsest), size))
            except UnreadableImage as error:
                bad[row] = str(error)
        good = rows[[row not in bad for row in rows.tolist()]]
        stack = np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8)
        known = isinstance(training, Training) and len(good) > 0
        away = distances(stack, training) if known else np.full(len(good), np.nan)  # type: ignore[arg-type]
        return TileBatch(good, stack, away, bad)

    parts = iter(np.split(np.arange(len(tiles.corners)), range(batch, len(tiles.corners), batch)))
    with workers() as pool:
        waiting: deque[Future[TileBatch]] = deque()
        for rows in parts:
            waiting.append(pool.submit(read, rows))
            if len(waiting) >= threads() + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

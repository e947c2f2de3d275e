"""Slides: small pyramids and large images, given to `predict` and to `manifest images`."""

import io
import struct
import tempfile
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import torch
from benchmarks.pyramid import pyramid_of
from PIL import Image

from fuzz.images import header_changed
from fuzz.mutation import mutated
from fuzz.workspace import Workspace
from her2bench.core.errors import UserError
from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.sources.images import Tiling, tile_images
from her2bench.prediction.inputs import find_inputs
from her2bench.prediction.predictor import opened_predictor
from her2bench.prediction.slides.predict_slides import SlideOptions, predict_slides
from her2bench.prediction.slides.slide_prediction import predict_slide
from her2bench.prediction.slides.slide_tiles import SlideTiling

_SIDE = 320  # of several blocks
_TILING = SlideTiling(tile_size=64, min_tissue=0.1)
_WHOLE = 0.02  # share of slides whose files are written; a heatmap takes a second
_VALUES = (0, 1, 2, 3, 8, 16, 255, 256, 320, 4096, 40_000, 65_535, 100_000, 2**31 - 1, 2**32 - 1)
_SIDES = (256, 257, 322, 323)  # of the picture and of its tiles
_TYPES = (0, 1, 2, 3, 4, 5, 7, 13, 16, 255)


class Slides:
    """TIFF pyramids of one to three levels, with JPEG blocks and without, and a PNG."""

    def __init__(self, workspace: Workspace) -> None:
        self._out = workspace.out
        run = workspace.shared / "comparison" / "runs" / "lenet" / "seed-0" / "fold-0"
        self._predictor = opened_predictor(run, torch.device("cpu"))
        picture = tissue()
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG", compress_level=1)
        self._sound = [(".png", stream.getvalue())]
        with tempfile.TemporaryDirectory() as folder:
            for levels, quality in ((1, None), (2, 80), (3, None)):
                path = Path(folder) / "slide.tiff"
                pyramid_of(path, picture, levels, 0.5, quality)
                self._sound.append((".tiff", path.read_bytes()))

    def make(self, rng: Random) -> tuple[str, bytes]:
        suffix, data = rng.choice(self._sound)
        choice = rng.random()
        if choice < 0.7:
            changed = header_changed if suffix == ".png" else _tag_changed
            for _ in range(rng.choice((1, 1, 2, 3))):
                data = changed(data, rng)
        if choice > 0.6:
            data = mutated(data, rng)
        return suffix, data

    def read(self, path: Path, rng: Random) -> None:
        find_inputs([path])
        refusal: Exception | None = None
        for read in (self._predict, _tiled) if rng.random() > _WHOLE else (self._write,):
            try:
                read(path)
            except (UserError, UnreadableImage) as error:
                refusal = refusal or error
        if refusal:
            raise refusal

    def _predict(self, path: Path) -> None:
        image = open_image(path)
        try:
            predict_slide("slide", path, image, self._predictor, _TILING)
        finally:
            image.close()

    def _write(self, path: Path) -> None:
        options = SlideOptions(_TILING, overwrite=True)
        predict_slides([path], self._predictor, self._out, options)


def _tiled(path: Path) -> None:
    labels = pl.DataFrame({"path": [str(path)], "score": [2], "group_id": ["a"], "name": ["a"]})
    tile_images(labels, Tiling(tile_size=64))


def tissue() -> np.ndarray:
    """(320, 320, 3) uint8: a brown disc with texture on glass."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    density = np.zeros((_SIDE, _SIDE, 3))
    density[(x - 150) ** 2 + (y - 160) ** 2 < 120**2] = (0.15, 0.25, 0.3)
    density *= np.clip(1 + 0.5 * rng.normal(0, 1, (_SIDE, _SIDE, 1)), 0.2, None)
    return (236 * 10**-density).clip(0, 255).astype(np.uint8)


def _tag_changed(data: bytes, rng: Random) -> bytes:
    """The TIFF with an entry of a directory, or the place of the next directory, changed."""
    places = _entries(data)
    if not places:
        return data
    start, tag, last = rng.choice([p for p in places if p[1] in _SIDES] or places)
    if rng.random() < 0.6:
        start, tag, last = rng.choice(places)
    changed = bytearray(data)
    choice = rng.random()
    if choice < 0.6:
        value = rng.choice(_VALUES if tag in _SIDES else (*_VALUES, rng.randrange(len(data) + 9)))
        struct.pack_into("<I", changed, start + 8, value)
    elif choice < 0.7:
        struct.pack_into("<H", changed, start, rng.choice((tag, 254, 256, 273, 330, 270, 34665)))
    elif choice < 0.8:
        struct.pack_into("<H", changed, start + 2, rng.choice(_TYPES))
    elif choice < 0.9:
        struct.pack_into("<I", changed, start + 4, rng.choice(_VALUES))
    else:  # the chain ends, goes round, or leads anywhere
        struct.pack_into("<I", changed, last, rng.choice((0, 8, places[0][0] - 2, len(data) // 2)))
    return bytes(changed)


def _entries(data: bytes) -> list[tuple[int, int, int]]:
    """Each entry of a classic little-endian TIFF: its place, tag and where its chain goes on."""
    found: list[tuple[int, int, int]] = []
    seen: set[int] = set()
    (at,) = struct.unpack_from("<I", data, 4)
    while 8 <= at < len(data) - 6 and at not in seen:
        seen.add(at)
        (count,) = struct.unpack_from("<H", data, at)
        last = at + 2 + 12 * count
        if last + 4 > len(data):
            break
        for start in range(at + 2, last, 12):
            found.append((start, *struct.unpack_from("<H", data, start), last))
        (at,) = struct.unpack_from("<I", data, last)
    return found

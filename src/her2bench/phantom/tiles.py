"""The tiles of a phantom: which there are, what is true of each, and its JPEG bytes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from her2bench.phantom.drawing import draw_field
from her2bench.phantom.settings import PhantomSettings
from her2bench.phantom.slides import Slide
from her2bench.phantom.truth import Truth, field_truth


@dataclass(frozen=True)
class Tile:
    """One tile to be drawn: its slide, its number there, and its path in the folder."""

    slide: Slide
    number: int
    path: str
    split: str | None = None

    @property
    def tile_id(self) -> str:
        """The tile's id, as in the manifest."""
        return f"s{self.slide.index:03d}-t{self.number:04d}"


def tiles_of(settings: PhantomSettings, slides: list[Slide]) -> list[Tile]:
    """All tiles of a phantom, slide by slide, with their paths in the layout asked for."""
    each = [(slide, number) for slide in slides for number in range(slide.tiles)]
    if settings.layout == "bci":
        return _bci_tiles(settings, each)
    names = (f"tiles/s{slide.index:03d}-t{number:04d}.jpg" for slide, number in each)
    return [Tile(*place, name) for place, name in zip(each, names, strict=True)]


def jpeg(tile: Tile, settings: PhantomSettings) -> tuple[bytes, Truth]:
    """A tile's picture as JPEG bytes, and its truth; the same wherever it is drawn."""
    size = settings.size
    image, truth = draw_field(tile.slide, _generator(tile, settings), size, size, settings.mpp)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=settings.quality)
    return stream.getvalue(), truth


def tile_truth(tile: Tile, settings: PhantomSettings) -> Truth:
    """A tile's truth without drawing it, equal to that of `jpeg`."""
    size = settings.size
    return field_truth(tile.slide, _generator(tile, settings), size, size, settings.mpp)


def _generator(tile: Tile, settings: PhantomSettings) -> np.random.Generator:
    key = (1, tile.slide.index, tile.number)
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=key))


def _bci_tiles(settings: PhantomSettings, each: list[tuple[Slide, int]]) -> list[Tile]:
    """BCI's names: numbers that say nothing of the slide, tiles split at random 3896 : 977."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(2,)))
    order = rng.permutation(len(each))
    test = round(len(each) * 977 / 4873)
    named = {}
    for place, index in enumerate(order.tolist()):
        split, number = ("test", place) if place < test else ("train", place - test)
        score = each[index][0].score
        label = f"{score}+" if score else "0"
        path = f"BCI_dataset/IHC/{split}/{number:05d}_{split}_{label}.png"
        named[index] = (path, split)
    return [Tile(*each[i], *named[i]) for i in range(len(each))]


def in_batches(tiles: list[Tile], size: int) -> Iterator[list[Tile]]:
    """Tiles in runs of `size`."""
    for start in range(0, len(tiles), size):
        yield tiles[start : start + size]

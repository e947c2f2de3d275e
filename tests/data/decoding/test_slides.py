"""Slides and large images: levels, overviews in bands, many threads, one decode."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from benchmarks.pyramid import pyramid_of
from PIL import Image

from her2bench.data.decoding import reading, slides
from her2bench.data.decoding.memory_budget import MemoryBudget
from her2bench.data.decoding.reading import Region, open_image

RNG = np.random.default_rng(0)
IMAGE = np.repeat(np.repeat(RNG.integers(0, 256, (150, 200, 3), np.uint8), 4, 0), 4, 1)


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "a.tiff"
    pyramid_of(path, IMAGE, 3, 0.25)
    return path


@pytest.mark.parametrize(("coarsest", "factor"), [(1.0, 1), (1.9, 1), (2.0, 2), (3.5, 2), (9.0, 4)])
def test_the_coarsest_level_that_is_not_too_coarse_is_read(pyramid, coarsest, factor):
    slide = open_image(pyramid)
    part = slide.read(Region(80, 40, 320, 160), coarsest)
    slide.close()
    assert slide.mpp == 0.25 and slide.origin == (0, 0)
    expected = Image.fromarray(IMAGE[40:200, 80:400]).reduce(factor)
    assert np.array_equal(part, np.asarray(expected))


def test_an_overview_in_bands_is_that_of_the_whole(tmp_path, monkeypatch):
    pyramid_of(tmp_path / "one.tiff", IMAGE, 1)
    monkeypatch.setattr(slides, "_BAND", 20_000)
    slide = open_image(tmp_path / "one.tiff")
    found = slide.overview(270).astype(int)
    slide.close()
    expected = Image.fromarray(IMAGE).resize((270, 202), Image.Resampling.BOX)
    assert found.shape == (202, 270, 3)
    assert np.abs(found - np.asarray(expected)).max() <= 1


def test_threads_read_one_slide(pyramid):
    slide = open_image(pyramid)
    corners = [(x, y) for x in range(0, 700, 50) for y in range(0, 500, 50)]
    with ThreadPoolExecutor(4) as pool:
        tiles = list(pool.map(lambda at: slide.read(Region(*at, 64, 64)), corners))
    slide.close()
    for (x, y), tile in zip(corners, tiles, strict=True):
        assert np.array_equal(tile, IMAGE[y : y + 64, x : x + 64])


@pytest.mark.timeout(60)
def test_threads_share_one_decode_and_its_memory(tmp_path, monkeypatch):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    budget = MemoryBudget(IMAGE.size)  # less than a decode is reckoned to need
    monkeypatch.setattr(reading, "decoding_budget", lambda: budget)
    image = open_image(tmp_path / "a.png")
    with ThreadPoolExecutor(4) as pool:
        tiles = list(pool.map(lambda x: image.read(Region(x, 0, 64, 64)), range(8)))
    assert all(np.array_equal(tile, IMAGE[:64, x : x + 64]) for x, tile in enumerate(tiles))
    assert image.overview(200).shape == (150, 200, 3)
    image.close()
    assert budget.lent == 0

"""Tiles that are not square, in the cache and in pictures."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.data.tile_cache.previews import thumbnails


@pytest.fixture
def manifest(tmp_path) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    for name in "ab":
        noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
    paths = [str(tmp_path / f"{name}.png") for name in "ab"]
    return pl.DataFrame({"tile_id": list("ab"), "path": paths})


@pytest.mark.parametrize("decoding", ["exact", "fast"])
def test_tiles_that_are_not_square_are_cropped_before_they_are_resized(
    manifest, tmp_path, decoding
):
    squashed = cached_tiles(manifest, 16, tmp_path / "cache", decoding=decoding)
    cropped = cached_tiles(manifest, 16, tmp_path / "cache", decoding=decoding, square="crop")
    assert cropped.key != squashed.key
    image = Image.open(manifest["path"][1]).crop((5, 0, 35, 30))
    expected = image.resize((16, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(cropped.pixels[1], np.asarray(expected))


def test_a_picture_shows_what_the_networks_see(manifest):
    shown = {
        square: thumbnails(manifest, ["a"], 24, square)["a"] for square in ("squash", "crop", "pad")
    }
    assert len(set(shown.values())) == 3

"""Pixels of any depth, transparency and orientation."""

import struct

import numpy as np
import pytest
from PIL import Image
from tests.data.decoding.image_files import COLOURS, chunk, encoded, png, written

from her2bench.data.decoding.reading import Region, open_image, read_tile
from her2bench.data.decoding.rgb import to_rgb
from her2bench.data.decoding.unreadable import UnreadableImage


@pytest.mark.parametrize(
    "data",
    [
        png(8, 2, bytes([9, 8, 7, 255, 0, 0]), 2, chunk(b"tRNS", struct.pack(">3H", 9, 8, 7))),
        png(8, 0, bytes([7, 200]), 2, chunk(b"tRNS", struct.pack(">H", 7))),
        png(2, 0, bytes([0b01100000]), 2, chunk(b"tRNS", struct.pack(">H", 1))),
        png(4, 0, bytes([0x3A]), 2, chunk(b"tRNS", struct.pack(">H", 3))),
        png(16, 0, struct.pack(">2H", 300, 60000), 2, chunk(b"tRNS", struct.pack(">H", 300))),
    ],
)
def test_a_transparent_colour_is_laid_on_white(tmp_path, data):
    tile = read_tile(written(tmp_path / "clear.png", data))
    assert tile[0, 0].tolist() == [255, 255, 255]
    assert tile[0, 1].tolist() != [255, 255, 255]


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((4, 4), 4095, np.uint16), "12 bits in 16"),
        (np.full((4, 4), -5, np.int32), "no known scale"),
        (np.full((4, 4), 70_000, np.int32), "no known scale"),
        (np.full((4, 4), 65_000, np.float32), "no known scale"),
        (np.full((4, 4), np.nan, np.float32), "no known scale"),
    ],
)
def test_values_of_unknown_scale_are_unreadable(tmp_path, pixels, reason):
    with pytest.raises(UnreadableImage, match=reason):
        read_tile(written(tmp_path / "deep.tif", encoded(pixels, "TIFF")))


def test_deep_colours(tmp_path):
    deep = written(tmp_path / "16.png", png(16, 2, struct.pack(">3H", 65535, 0, 25700), 1))
    assert read_tile(deep)[0, 0].tolist() == [255, 0, 100]
    with pytest.raises(UnreadableImage, match="12 bits in 16"):
        read_tile(written(tmp_path / "12.png", png(16, 2, struct.pack(">3H", 4095, 0, 9), 1)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
def test_pixels_count_as_stored_whatever_the_orientation_tag(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    path = written(tmp_path / "turned", encoded(COLOURS, kind, exif=exif, **options))
    plain = written(tmp_path / "plain", encoded(COLOURS, kind, **options))
    image = open_image(path)
    assert (image.width, image.height) == (96, 80)
    assert np.array_equal(read_tile(path), read_tile(plain))
    region = Region(30, 5, 60, 9)
    assert np.array_equal(read_tile(path, region), read_tile(plain, region))
    assert np.array_equal(image.overview(48), open_image(plain).overview(48))


def test_opaque_pixels_are_kept_and_transparent_ones_laid_on_white():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    assert np.array_equal(to_rgb(Image.fromarray(pixels)), pixels[..., :3])
    pixels[1, 2, 3] = 0
    found = np.asarray(to_rgb(Image.fromarray(pixels)))
    assert found[1, 2].tolist() == [255, 255, 255]
    assert np.array_equal(found[0], pixels[0, :, :3])

"""Pyramids whose directories do not fit the tiles: refused before a decoder follows them."""

import struct

import numpy as np
import pytest
from benchmarks.pyramid import pyramid_of

from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.decoding.slides import Slide


@pytest.fixture
def pyramid(tmp_path):
    path = tmp_path / "slide.tiff"
    pyramid_of(path, np.full((300, 520, 3), 200, np.uint8), levels=2, mpp=0.5)
    return path


def change(path, tag: int, value: int, level: int = 0) -> None:
    """Overwrite the value of a tag in a directory."""
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    for _ in range(level):
        (count,) = struct.unpack_from("<H", data, at)
        (at,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry) == (tag,):
            struct.pack_into("<I", data, entry + 8, value)
    path.write_bytes(data)


def test_a_sound_pyramid_is_opened(pyramid):
    image = open_image(pyramid)
    assert isinstance(image, Slide)
    assert (image.width, image.height) == (520, 300)
    image.close()


@pytest.mark.parametrize(
    ("tag", "value", "level", "reason"),
    [
        (256, 40_000, 0, r"40000 x 300 pixels are 314 tiles, and it lists 6"),
        (257, 2**31 - 1, 0, r"and it lists 6"),
        (256, 520 + 512, 1, r"and it lists 2"),
    ],
)
def test_fewer_tiles_than_its_size_needs_are_refused(pyramid, tag, value, level, reason):
    change(pyramid, tag, value, level)
    with pytest.raises(UnreadableImage, match=reason):
        open_image(pyramid)


def test_enormous_tiles_are_refused(pyramid):
    for tag in (322, 323):
        change(pyramid, tag, 65_535)
    with pytest.raises(UnreadableImage, match="in tiles of 65535 x 65535 pixels"):
        open_image(pyramid)


def test_unknown_colours_are_refused(pyramid):
    change(pyramid, 262, 34_464)
    with pytest.raises(UnreadableImage, match=r"unknown colours \(34464\)"):
        open_image(pyramid)

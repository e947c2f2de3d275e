"""Damaged PNGs: refused wherever a bit is flipped, never other pixels."""

import numpy as np
import pytest
from PIL import Image
from tests.data.decoding.image_files import COLOURS, encoded, written

from her2bench.data.decoding.reading import open_image, read_tile
from her2bench.data.decoding.unreadable import UnreadableImage

SMOOTH = np.asarray(Image.fromarray(COLOURS).resize((24, 24), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_no_flipped_bit_changes_pixels_without_a_word(tmp_path, mode):
    image = Image.fromarray(SMOOTH)
    path, refused = tmp_path / "tile.png", 0
    (image.quantize(32) if mode == "P" else image.convert(mode)).save(path)
    whole, expected = path.read_bytes(), read_tile(path)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        written(path, bytes(damaged))
        try:
            assert np.array_equal(read_tile(path), expected)
        except UnreadableImage:
            refused += 1
    assert refused > 0.9 * len(whole)


def test_the_overview_is_checked_too(tmp_path):
    data = bytearray(encoded(COLOURS, "PNG"))
    data[-13] ^= 1  # in the checksum of the last chunk of pixels
    image = open_image(written(tmp_path / "tile.png", bytes(data)))
    with pytest.raises(UnreadableImage, match="the checksum of its pixels is another"):
        image.overview(16)

"""JPEGs of which a part is missing, and whole ones that look so."""

import numpy as np
import pytest
from PIL import Image
from tests.data.decoding.image_files import COLOURS, encoded, written

from her2bench.data.decoding.reading import read_scaled, read_tile
from her2bench.data.decoding.unreadable import UnreadableImage

JPEGS = [{}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 4}]


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_jpeg_of_which_a_part_never_arrived(tmp_path, options, share):
    data = encoded(COLOURS, "JPEG", quality=95, **options)
    head = data[: int(len(data) * share)]
    zeros = head + bytes(len(data) - len(head) - 2) + b"\xff\xd9"
    for damaged in (head + b"\xff\xd9", zeros):
        path = written(tmp_path / "half.jpg", damaged)
        with pytest.raises(UnreadableImage, match="damaged"):
            read_tile(path)
        assert read_scaled(path, 16) is None


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_even_and_grey_jpegs_are_whole(tmp_path, options, mode):
    half = np.concatenate([COLOURS, np.full_like(COLOURS, 128)])
    flat = [np.full((128, 121, 3), level, np.uint8) for level in (0, 127, 128, 240, 255)]
    for pixels in (half, COLOURS, *flat):
        path = tmp_path / "whole.jpg"
        Image.fromarray(pixels).convert(mode).save(path, "JPEG", **options)
        with Image.open(path) as image:
            assert np.array_equal(read_tile(path), np.asarray(image.convert("RGB")))

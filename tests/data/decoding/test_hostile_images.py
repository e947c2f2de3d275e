"""Images that would keep a decoder busy, and the memory lent for decoding."""

import struct
import threading

import numpy as np
import pytest
from tests.data.decoding.image_files import COLOURS, chunk, encoded, png, written

from her2bench.data.decoding import memory_budget, reading
from her2bench.data.decoding.reading import Region, open_image, read_tile
from her2bench.data.decoding.unreadable import UnreadableImage


def _chain(count: int) -> bytes:
    places = range(8, 8 + 18 * count, 18)
    blocks = [struct.pack("<HHHIII", 1, 256, 4, 1, 8, place + 18) for place in places]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(blocks)


def _many_scans(count: int) -> bytes:
    data = encoded(COLOURS, "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


HOSTILE = {
    "directories": _chain(1_000),
    "circle": b"II*\0" + struct.pack("<IHHHIII", 8, 1, 256, 4, 1, 8, 8),
    "tags hold more": b"II*\0"
    + struct.pack("<IH", 8, 60_000)
    + struct.pack("<HHII", 999, 1, 700_000, 8) * 60_000,
    "strips or tiles": b"II*\0" + struct.pack("<IHHHIII", 8, 1, 273, 4, 200_000, 8, 0),
    "scans": _many_scans(200),
    "segments": b"\xff\xd8" + b"\xff\xe5\0\2" * 3_000,
    "chunks": png(8, 2, bytes(3), 1, chunk(b"tEXt", b"a\0b") * 30_000),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_files_that_would_keep_a_decoder_busy(tmp_path, reason):
    with pytest.raises(UnreadableImage, match=reason):
        read_tile(written(tmp_path / "hostile", HOSTILE[reason]))


def test_a_tile_is_smaller_than_an_image_read_by_regions(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_TILE_PIXELS", 1_000)
    path = written(tmp_path / "core.png", encoded(COLOURS, "PNG"))
    with pytest.raises(UnreadableImage, match="96 x 80 pixels is more than"):
        read_tile(path)
    assert read_tile(path, Region(0, 0, 30, 30)).shape == (30, 30, 3)
    assert open_image(path).overview(30).shape == (25, 30, 3)


def test_large_images_wait_for_each_other():
    budget = memory_budget.MemoryBudget(100)
    first = budget.take(70)
    second = threading.Thread(target=lambda: budget.give_back(budget.take(60)))
    second.start()
    second.join(0.05)
    assert second.is_alive() and budget.lent == 70
    budget.give_back(first)
    second.join(5)
    assert not second.is_alive() and budget.lent == 0
    assert budget.take(1_000) == 100  # larger than all: alone


def test_what_was_lent_for_decoding_comes_back(tmp_path):
    good = written(tmp_path / "a.png", encoded(COLOURS, "PNG"))
    for path in (good, written(tmp_path / "b.png", encoded(COLOURS, "PNG")[:300])):
        for read in (lambda p: read_tile(p), lambda p: open_image(p).overview(9)):
            with pytest.raises(UnreadableImage) if path != good else np.errstate():
                read(path)
    assert memory_budget.decoding_budget().lent == 0

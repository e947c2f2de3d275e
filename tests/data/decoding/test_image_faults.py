"""Odd and damaged image files: one unreadable tile each, with the reason."""

import errno
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.data.decoding.image_files import COLOURS, encoded, written

from her2bench.audit.features.extraction import file_facts
from her2bench.data.decoding.reading import open_image, read_scaled, read_tile
from her2bench.data.decoding.unreadable import UnreadableImage
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.data.tile_cache.content_hash import digests

KINDS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")


@pytest.mark.filterwarnings("ignore")  # what Pillow says of damaged files
@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_gives_pixels_or_unreadable(tmp_path, kind):
    whole, rng = encoded(COLOURS, kind), np.random.default_rng(1)
    path, unreadable = tmp_path / "tile", 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(300, len(whole)), 6):
            damaged[place] = rng.integers(0, 256)
        written(path, bytes(damaged))
        read_scaled(path, 16)
        file_facts(str(path))
        for read in (lambda: read_tile(path), lambda: open_image(path).overview(16)):
            try:
                assert read().dtype == np.uint8
            except UnreadableImage as error:
                unreadable += 1
                assert str(path) not in str(error)
    assert unreadable


@pytest.mark.parametrize(
    "error", [TypeError, RuntimeError, KeyError, ZeroDivisionError, zlib.error]
)
def test_any_error_of_a_decoder_is_one_unreadable_tile(tmp_path, monkeypatch, error):
    good = written(tmp_path / "a.png", encoded(COLOURS, "PNG"))
    odd = written(tmp_path / "b.webp", encoded(COLOURS, "WEBP"))
    load = Image.Image.load

    def fails(image, *given):
        if getattr(image, "format", None) == "WEBP":
            raise error("odd")
        return load(image, *given)

    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", fails)
    manifest = pl.DataFrame({"tile_id": ["a", "b"], "path": [str(good), str(odd)]})
    found = cached_tiles(manifest, 8, tmp_path / "cache", skip_bad=True)
    assert found.tile_ids == ["a"] and len(found.bad) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_overview_of_a_cut_image_is_unreadable(tmp_path, kind):
    data = encoded(COLOURS, kind)
    image = open_image(written(tmp_path / "cut", data[: len(data) // 2]))
    with pytest.raises(UnreadableImage):
        image.overview(16)


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "GIF"])
def test_several_pictures_are_unreadable(tmp_path, kind):
    more = {"save_all": True, "append_images": [Image.fromarray(255 - COLOURS)]}
    path = written(tmp_path / "two", encoded(COLOURS, kind, **more))
    with pytest.raises(UnreadableImage, match="save the one that is meant"):
        read_tile(path)


def tiff(*directories: dict[int, int]) -> bytes:
    """Grey TIFFs of classic layout, all pixels in one strip of zeros at byte 8."""
    data = b"II*\0" + struct.pack("<I", 8 + 64) + bytes(64)
    for tags in directories:
        last = tags is directories[-1]
        every = sorted({256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 279: 64, **tags}.items())
        block = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in every)
        after = 0 if last else len(data) + 6 + len(block)
        data += struct.pack("<H", len(every)) + block + struct.pack("<I", after)
    return data


@pytest.mark.parametrize("copy", [{254: 1}, {256: 4, 257: 4, 279: 16}])
def test_reduced_copies_are_no_pictures_of_their_own(tmp_path, copy):
    assert read_tile(written(tmp_path / "a.tif", tiff({}, copy))).shape == (8, 8, 3)
    with pytest.raises(UnreadableImage, match="holds 2 pictures"):
        read_tile(written(tmp_path / "b.tif", tiff({}, {})))


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UnreadableImage, match="not a regular file"):
            read_tile(path)
        assert read_scaled(path, 8) is None
    assert len(digests([str(tmp_path / "pipe"), "/dev/zero"])) == 2


def test_a_limit_of_the_machine_makes_no_tile_unreadable(tmp_path, monkeypatch):
    path = written(tmp_path / "tile.png", encoded(COLOURS, "PNG"))

    def out_of_files(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Image, "open", out_of_files)
    with pytest.raises(OSError, match="Too many open files"):
        read_tile(path)

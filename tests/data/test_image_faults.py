"""Odd, damaged and hostile image files: one unreadable tile each, with the reason."""

import errno
import io
import os
import struct
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.audit.features.extraction import file_facts
from her2bench.data.decoding import memory_room, reading
from her2bench.data.decoding.reading import Region, open_image, read_scaled, read_tile
from her2bench.data.decoding.unreadable import UnreadableImage
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.data.tile_cache.content_hash import digests

RNG = np.random.default_rng(3)
SMALL = Image.fromarray(RNG.integers(0, 256, (12, 12, 3), dtype=np.uint8))
COLOURS = np.asarray(SMALL.resize((96, 80)))
KINDS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")


def encoded(pixels: np.ndarray, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


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


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, row: bytes, width: int, *others: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    parts = head, *others, chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


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


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UnreadableImage, match="not a regular file"):
            read_tile(path)
        assert read_scaled(path, 8) is None
    assert len(digests([str(tmp_path / "pipe"), "/dev/zero"])) == 2


def test_a_tile_is_smaller_than_an_image_read_by_regions(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_TILE_PIXELS", 1_000)
    path = written(tmp_path / "core.png", encoded(COLOURS, "PNG"))
    with pytest.raises(UnreadableImage, match="96 x 80 pixels is more than"):
        read_tile(path)
    assert read_tile(path, Region(0, 0, 30, 30)).shape == (30, 30, 3)
    assert open_image(path).overview(30).shape == (25, 30, 3)


def test_large_images_wait_for_each_other():
    room = memory_room.Room(100)
    first = room.take(70)
    second = threading.Thread(target=lambda: room.give_back(room.take(60)))
    second.start()
    second.join(0.05)
    assert second.is_alive() and room.lent == 70
    room.give_back(first)
    second.join(5)
    assert not second.is_alive() and room.lent == 0
    assert room.take(1_000) == 100  # larger than all: alone


def test_what_was_lent_for_decoding_comes_back(tmp_path):
    good = written(tmp_path / "a.png", encoded(COLOURS, "PNG"))
    for path in (good, written(tmp_path / "b.png", encoded(COLOURS, "PNG")[:300])):
        for read in (lambda p: read_tile(p), lambda p: open_image(p).overview(9)):
            with pytest.raises(UnreadableImage) if path != good else np.errstate():
                read(path)
    assert memory_room.decoding_room().lent == 0


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


def test_a_limit_of_the_machine_makes_no_tile_unreadable(tmp_path, monkeypatch):
    path = written(tmp_path / "tile.png", encoded(COLOURS, "PNG"))

    def out_of_files(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Image, "open", out_of_files)
    with pytest.raises(OSError, match="Too many open files"):
        read_tile(path)

"""Every kind of picture that is accepted, and every kind that is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from her2bench.web.decoding import MOST_PIXELS, Refused, decode

from .conftest import encoded

COLOURS = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_kinds_come_back_pixel_for_pixel(kind):
    data = encoded(COLOURS, kind, lossless=True) if kind == "WEBP" else encoded(COLOURS, kind)
    assert np.array_equal(decode(data).rgb, COLOURS)
    assert decode(data).notes == ()


def test_jpeg_is_known_by_its_content():
    found = decode(encoded(np.full((24, 32, 3), 200, np.uint8), "JPEG")).rgb
    assert found.shape == (24, 32, 3) and abs(int(found.mean()) - 200) <= 1


def test_grey_and_transparent_and_cmyk_are_converted():
    grey = decode(encoded(COLOURS[..., 0]))
    assert np.array_equal(grey.rgb, np.repeat(COLOURS[..., :1], 3, axis=2))
    assert "grey" in grey.notes[0]
    clear = Image.fromarray(np.dstack([COLOURS, np.zeros((24, 32), np.uint8)]))
    assert decode(encoded(clear)).rgb.min() == 255
    assert "Transparent" in decode(encoded(clear)).notes[0]
    palette = Image.fromarray(COLOURS).quantize(16)
    assert decode(encoded(palette, transparency=0)).rgb.shape == (24, 32, 3)
    cmyk = Image.new("CMYK", (32, 24), (0, 255, 255, 0))
    found = decode(encoded(cmyk, "JPEG", quality=95))
    assert found.rgb[5, 5, 0] > 200 and found.rgb[5, 5, 1] < 60
    assert "CMYK" in found.notes[0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_to_8(kind):
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    found = decode(encoded(Image.fromarray(deep), kind))
    assert found.rgb[0, :, 0].tolist() == [0, 100, 255]
    assert any("16 bits" in note for note in found.notes)


def test_16_bit_rgb_is_read():
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    row = b"\0" + struct.pack(">6H", 65535, 0, 257 * 100, 0, 65535, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    assert decode(data).rgb[0, 0].tolist() == [255, 0, 100]


def _frames(kind: str) -> bytes:
    stream = io.BytesIO()
    frames = [Image.fromarray(np.roll(COLOURS, n, axis=1)) for n in range(3)]
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"slide,score\n1,2\n", "its content is text"),
        (bytes(range(256)), "unknown kind"),
        (encoded(COLOURS, "JPEG")[:500], "cut off"),
        (encoded(COLOURS, "PNG")[:1000], "cut off"),
        (encoded(COLOURS, "TIFF")[:1000], "damaged|not an image|Not an image"),
        (bomb(30_000, 30_000), r"30,000 x 30,000 .*\. Give tiles; slides are not read here\.$"),
        (_frames("GIF"), "256 colours"),
        (_frames("PNG"), "holds 3 pictures; save the one"),
        (_frames("WEBP"), "holds 3 pictures; save the one"),
        (_frames("TIFF"), "holds 3 pictures; save the one"),
        (encoded(COLOURS, "GIF"), "256 colours"),
        (encoded(COLOURS, "PPM"), "Not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "text"),
    ],
)
def test_refused_with_the_reason(data, message):
    with pytest.raises(Refused, match=message):
        decode(data)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    def load(image, *given):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    side = int(MOST_PIXELS**0.5) + 1
    with pytest.raises(Refused, match="at most"):
        decode(bomb(side, side))


@pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow says of damaged TIFF
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_damage_anywhere_is_refused_or_read_and_never_anything_else(kind):
    whole = encoded(COLOURS, kind)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 8)):
            damaged[place] = rng.integers(0, 256)
        try:
            decode(bytes(damaged[: rng.integers(1, len(whole) + 1)]))
        except Refused:
            refused += 1
    assert refused > 75

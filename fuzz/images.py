"""Images: of every format Pillow writes, through the readers of tiles, regions and uploads."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, features

from fuzz.mutation import mutated, text
from fuzz.workspace import Workspace
from her2bench.core.errors import UserError
from her2bench.data.decoding.reading import (
    Region,
    UnreadableImage,
    open_image,
    read_scaled,
    read_tile,
)
from her2bench.web.decoding import Refused, decode

FINE = (UserError, UnreadableImage, Refused)
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("P", "L"),
    "AVIF": ("RGB", "RGBA"),
    "JPEG2000": ("L", "RGB", "RGBA"),
    "PPM": ("L", "RGB"),
    "DIB": ("L", "RGB"),
}
_TIFF = (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate", "group4")
_SEEDS = range(60)  # encoded beforehand: some encoders do not live with a limit on memory
_SIZES = ((16, 16), (33, 17), (1, 1), (64, 64), (8, 300))


class Images:
    """Files of one picture or several, sound at first, then with changed bytes."""

    def __init__(self, workspace: Workspace) -> None:
        kinds = [kind for kind in _MODES if kind != "AVIF" or features.check("avif")]
        made = [(f".{kind.lower()}", _encoded(kind, Random(n))) for kind in kinds for n in _SEEDS]
        self._sound = [(suffix, data) for suffix, data in made if data]

    def make(self, rng: Random) -> tuple[str, bytes]:
        suffix, data = rng.choice(self._sound)
        if suffix == ".png" and rng.random() < 0.3:
            data = header_changed(data, rng)
        return suffix, mutated(data, rng, 6) if rng.random() < 0.9 else data

    def read(self, path: Path, rng: Random) -> None:
        data = path.read_bytes()
        readers: list[Callable[[], object]] = [
            lambda: read_tile(path),
            lambda: read_tile(path, Region(1, 1, 7, 5)),
            lambda: read_scaled(path, 8),
            lambda: _overview(path),
            lambda: decode(data),
        ]
        refusal: Exception | None = None
        for read in readers:
            try:
                read()
            except FINE as error:
                refusal = refusal or error
        if refusal:
            raise refusal


def _overview(path: Path) -> None:
    image = open_image(path)
    try:
        image.overview(12)
    finally:
        image.close()


def _encoded(kind: str, rng: Random) -> bytes:
    """A file of this format; no bytes where its options do not fit each other."""
    stream, mode = io.BytesIO(), rng.choice(_MODES[kind])
    image = _picture(mode, rng)
    options: dict[str, object] = {}
    if kind == "TIFF":
        options["compression"] = rng.choice(_TIFF)
    if kind in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF") and rng.random() < 0.3:
        options["exif"] = _exif(rng)
    if kind in ("TIFF", "GIF", "WEBP", "PNG", "AVIF") and rng.random() < 0.15:
        options |= {"save_all": True, "append_images": [_picture(mode, rng)] * rng.choice((1, 5))}
    if kind == "JPEG":
        options |= {"progressive": rng.random() < 0.3, "quality": rng.choice((1, 75, 95))}
    if kind == "PNG" and mode in ("RGB", "L", "P") and rng.random() < 0.3:
        options["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    try:
        image.save(stream, kind, **options)
    except (OSError, ValueError, TypeError, KeyError, struct.error, SystemError, RuntimeError):
        return b""
    return stream.getvalue()


def _picture(mode: str, rng: Random) -> Image.Image:
    width, height = rng.choice(_SIZES)
    generator = np.random.default_rng(rng.randrange(2**32))
    if mode == "I;16":
        high = rng.choice((256, 4096, 65536))
        return Image.fromarray(generator.integers(0, high, (height, width), dtype=np.uint16))
    if mode == "F":
        values = generator.normal(0, rng.choice((1, 300)), (height, width)).astype(np.float32)
        values.flat[0] = rng.choice((np.nan, np.inf, 0, 1e38))
        return Image.fromarray(values)
    if mode == "I":
        return Image.fromarray(generator.integers(-9, 2**31 - 1, (height, width), dtype=np.int32))
    rgb = Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if mode == "LAB":
        return Image.frombytes("LAB", rgb.size, rgb.tobytes())
    return rgb.convert(mode)


def _exif(rng: Random) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = rng.choice((0, 1, 3, 6, 8, 9, 65535))  # orientation
    exif[305] = text(rng).encode("utf-8", "replace").decode()[:200]
    return exif


def header_changed(data: bytes, rng: Random) -> bytes:
    """A PNG whose header, with a right checksum, tells of another size, depth or colour."""
    sides = (0, 1, 16, 4000, 20000, 31000, 70000, 2**31 - 1)
    width, height = rng.choice(sides), rng.choice(sides)
    rest = bytes([rng.choice((1, 8, 16)), rng.choice((0, 2, 3, 6)), 0, 0, rng.choice((0, 1))])
    chunk = b"IHDR" + struct.pack(">II", width, height) + rest
    return data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]

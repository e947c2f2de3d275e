"""Images that Pillow decodes whole: opened and checked before decoding."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from her2bench.data.decoding.png_data import SIGNATURE, check_number_of_chunks, check_pixel_sums
from her2bench.data.decoding.rgb import to_rgb
from her2bench.data.decoding.tiff_directories import count_pictures, is_tiff
from her2bench.data.decoding.truncated_jpeg import check_complete, check_segments, scans_of
from her2bench.data.decoding.unreadable import UnreadableImage

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "AVIF", "JPEG2000", "PPM")
"""What is read, by content. Others that Pillow knows are documents, icons, or run programs."""
_JPEG, _BMP = b"\xff\xd8", b"BM"
_MOST_RLE = 1_000_000  # bytes; Pillow decodes these in Python
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # the inverse of what Pillow does
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@contextmanager
def opened(source: Path | bytes, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """An image file, its header read and no pixel decoded.

    Args:
        source: the file, or its bytes.
        formats: which are read, as Pillow names them.

    Raises:
        UnreadableImage: built so that it would keep a decoder busy for minutes.
        BROKEN: whatever the decoder raises.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        _check_head(stream, len(source) if isinstance(source, bytes) else source.stat().st_size)
        stream.seek(0)
        with Image.open(stream, formats=formats) as image:
            yield image


def check_single(image: Image.Image) -> None:
    """Refuse several pictures in one file: the intended one is unknown.

    Raises:
        UnreadableImage: several pages or frames. Reduced copies (a pyramid, a thumbnail) and the
            further pictures of a JPEG (previews) do not count.
    """
    number: int | str = 1
    if isinstance(image, TiffImageFile) and image.fp is not None:
        number = count_pictures(image.fp)
    elif image.format == "GIF":  # counting walks through the whole file
        number = "several" if getattr(image, "is_animated", False) else 1
    elif image.format not in ("JPEG", "MPO"):
        number = getattr(image, "n_frames", 1)
    if number != 1:
        raise UnreadableImage(f"holds {number} pictures; save the one that is meant")


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the pixels as stored, whatever an orientation tag says."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        return int(tags[256]), int(tags[257])
    return image.size


def decoded(image: Image.Image, source: Path | bytes, scaled_to: int | None = None) -> np.ndarray:
    """The whole picture, its pixels as stored: orientation tags are ignored.

    Args:
        image: as `opened` gives it.
        source: what was opened.
        scaled_to: a JPEG is scaled by its decoder to no less than this side, 1/2, 1/4 or 1/8.

    Returns:
        (height, width, 3) uint8 RGB, read-only.

    Raises:
        UnreadableImage: a part of it is missing or damaged, or its values have no known scale.
        BROKEN: whatever the decoder raises.
    """
    if image.format in ("JPEG", "MPO"):
        return _jpeg(_bytes(source), scaled_to)
    turned = image.getexif().get(274, 1) if image.format == "TIFF" else 1
    rgb = to_rgb(image)
    if image.format == "PNG":
        check_pixel_sums(_bytes(source))
    # Pillow turns TIFFs alone; to turn the others would move the regions that other tools name.
    return np.asarray(rgb.transpose(_UPRIGHT[turned]) if turned in _UPRIGHT else rgb)


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _jpeg(data: bytes, scaled_to: int | None) -> np.ndarray:
    def decode(data: bytes) -> np.ndarray:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if scaled_to is not None:
                image.draft(None, (scaled_to, scaled_to))
            return np.asarray(to_rgb(image))

    scans = scans_of(data)
    pixels = decode(data)
    check_complete(data, scans, pixels, decode)
    return pixels


def _check_head(stream: BinaryIO, size: int) -> None:
    head = stream.read(32)
    if is_tiff(head[:4]):
        count_pictures(stream)
    elif head.startswith(_JPEG):
        check_segments(stream)
    elif head.startswith(SIGNATURE):
        check_number_of_chunks(stream, size)
    elif head.startswith(_BMP) and head[30:31] in (b"\1", b"\2") and size > _MOST_RLE:
        raise UnreadableImage("a run-length coded BMP of more than 1 MB: save it as PNG")

"""Decode an uploaded image by content, within limits, to RGB."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from her2bench.data.decoding.memory_budget import decoding_budget
from her2bench.data.decoding.unreadable import BROKEN, UnreadableImage, reason_of
from her2bench.data.decoding.whole_images import check_single, decoded, opened

MOST_PIXELS = 25_000_000
"""Per tile (5,000 x 5,000): more than any tile, at most a few hundred MB of memory."""
_KNOWN = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")  # GIF only for its error message
_NOTES = {
    "grey": "A grey image: it has no stain colour.",
    "deep": "16 bits per channel were read as 8.",
    "clear": "Transparent pixels were composited on white.",
    "CMYK": "CMYK (a colour space of print) was converted to RGB; colours may be off.",
}


class Refused(Exception):
    """An image that is not accepted; the message is shown to the sender."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture: (h, w, 3) uint8 RGB, and what was done to get there."""

    rgb: np.ndarray
    notes: tuple[str, ...]


def decode(data: bytes) -> Picture:
    """One picture from the bytes of a file, independent of its name.

    Raises:
        Refused: empty, not an image, another format, several frames, too many pixels, damaged.
    """
    if not data:
        raise Refused("The file is empty (0 bytes).")
    try:
        with opened(data, _KNOWN) as image:
            _check(image)
            notes = _notes(image)
            with decoding_budget().held(image.width * image.height):
                rgb = np.array(decoded(image, data))
    except UnidentifiedImageError as error:
        raise Refused(_no_image(data)) from error
    except UnreadableImage as error:
        raise Refused(f"The picture cannot be read: {error}.") from error
    except BROKEN as error:
        raise Refused(
            f"The picture is damaged or cut off ({reason_of(error)[:120]}). Save or copy it again."
        ) from error
    return Picture(rgb, notes)


def _check(image: Image.Image) -> None:
    """Refuse by the header, before pixels are decoded."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Refused(
            f"{width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are accepted. Give tiles; "
            "slides are not read here."
        )
    if image.format == "GIF":
        raise Refused("A GIF, which holds at most 256 colours: send the original as PNG or JPEG.")
    check_single(image)


def _notes(image: Image.Image) -> tuple[str, ...]:
    grey = image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I")
    found = {
        "grey": grey,
        "deep": image.mode.startswith("I"),
        "clear": image.has_transparency_data,
        "CMYK": image.mode == "CMYK",
    }
    return tuple(_NOTES[name] for name, is_so in found.items() if is_so)


def _no_image(data: bytes) -> str:
    kind = "text" if _is_text(data[:512]) else "of an unknown kind"
    wanted = "Send JPEG, PNG, TIFF, BMP or WebP."
    return f"Not an image: its content is {kind}. {wanted}"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)

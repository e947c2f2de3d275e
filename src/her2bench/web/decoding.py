"""An uploaded picture, decoded defensively: by content, within limits, to RGB."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from her2bench.data.decoding.memory_budget import decoding_budget
from her2bench.data.decoding.unreadable import BROKEN, UnreadableImage, reason_of
from her2bench.data.decoding.whole_images import check_single, decoded, opened

MOST_PIXELS = 25_000_000
"""Of one tile (5,000 x 5,000): far more than any tile, and at most a few hundred MB at work."""
_KNOWN = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")  # GIF only to say why not
_NOTES = {
    "grey": "A grey picture: it holds no colour of a stain.",
    "deep": "16 bits a channel were read as 8.",
    "clear": "Transparent pixels were laid on white.",
    "CMYK": "CMYK (a colour space of print) was converted to RGB; colours may be off.",
}


class Refused(Exception):
    """A picture that is not accepted; the message is for the one who sent it."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture: (h, w, 3) uint8 RGB, and what was done to get there."""

    rgb: np.ndarray
    notes: tuple[str, ...]


def decode(data: bytes) -> Picture:
    """One picture from the bytes of a file, whatever its name says.

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
    """Refuse by the header alone, before any pixel is decoded."""
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
    return f"Not an image: its content is {kind}, whatever its name. {wanted}"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)

"""An uploaded picture, decoded defensively: by content, within limits, to RGB."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from her2bench.data.rgb import to_rgb

MOST_PIXELS = 25_000_000
"""Of one tile (5,000 x 5,000): far more than any tile, and at most a few hundred MB at work."""
_ACCEPTED = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_KNOWN = (*_ACCEPTED, "GIF")  # GIF only to say why not
# What Pillow's decoders raise on damaged or hostile bytes.
_BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(RuntimeError, MemoryError, AttributeError, struct.error, zlib.error),
    Image.DecompressionBombError,
)
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
        with Image.open(io.BytesIO(data), formats=_KNOWN) as image:
            _check(image)
            mode, notes = image.mode, _notes(image)
            rgb = np.array(to_rgb(image))
    except UnidentifiedImageError as error:
        raise Refused(_no_image(data)) from error
    except _BROKEN as error:
        raise Refused(
            f"The picture is damaged or cut off ({_first_line(error)}). Save or copy it again."
        ) from error
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise Refused(f"Pictures of mode {mode} cannot be read; save it as RGB.")
    return Picture(rgb, notes)


def _check(image: Image.Image) -> None:
    """Refuse by the header alone, before any pixel is decoded."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Refused(
            f"{width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are accepted. Give tiles; "
            "slides are not read here."
        )
    frames = 1 if image.format in ("JPEG", "MPO", "BMP") else getattr(image, "n_frames", 1)
    if frames > 1:
        kind = "An animated GIF" if image.format == "GIF" else f"A {image.format} file"
        raise Refused(f"{kind} of {frames} pictures: save the one that is meant as PNG.")
    if image.format == "GIF":
        raise Refused("A GIF, which holds at most 256 colours: send the original as PNG or JPEG.")


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


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]

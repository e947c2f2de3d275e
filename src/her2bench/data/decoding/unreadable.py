"""Decoder errors that make an image file unreadable, and the reasons shown for them."""

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openslide import OpenSlideError
from PIL import Image, UnidentifiedImageError

from her2bench.core.atomic_io import limit_of

BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(RuntimeError, MemoryError, AttributeError, AssertionError, BufferError),
    *(struct.error, zlib.error, OpenSlideError, Image.DecompressionBombError),
)
"""What Pillow's and OpenSlide's decoders raise on damaged or hostile files."""


class UnreadableImage(Exception):
    """An image or a region of it cannot be read; the message is the reason, without the path."""


def reason_of(error: BaseException) -> str:
    """Why a decoder failed: one line, without the path.

    >>> reason_of(OSError(13, "Permission denied", "/tiles/a.png"))
    'Permission denied'
    >>> reason_of(KeyError())
    'damaged (KeyError)'
    """
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip()
    if isinstance(error, (OSError, SyntaxError, ValueError, OpenSlideError)) and text:
        return text.splitlines()[0][:200]
    return f"damaged ({type(error).__name__})"


@contextmanager
def broken_is_unreadable() -> Iterator[None]:
    """Whatever a decoder raises in the block becomes `UnreadableImage`, with the reason."""
    try:
        yield
    except BROKEN as error:
        if limit_of(error):  # of the machine: it says nothing of the image
            raise
        raise UnreadableImage(reason_of(error)) from error


def regular_file(path: Path) -> bool:
    """Whether a path leads to a regular file: pipes and devices can keep a reader waiting forever.

    Raises:
        OSError: there is nothing, or it cannot be looked at.
    """
    return stat.S_ISREG(path.stat().st_mode)

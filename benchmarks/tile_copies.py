"""Copies of a tile as found among tiles: byte for byte, as PNG, compressed again, turned."""

import io

import numpy as np
from PIL import Image

from her2bench.audit.matching.duplicates import DUPLICATES
from her2bench.audit.matching.thumbnails import turned


def copied(kind: str, content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """A copy of a tile as this kind of duplicate, and the ending of its file."""
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    if kind == DUPLICATES[0]:
        return content, "jpg"
    if kind == DUPLICATES[1]:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        return stream.getvalue(), "png"
    if kind == DUPLICATES[2]:
        return jpeg(pixels, int(rng.choice([30, 50, 60, 70, 80, 95]))), "jpg"
    return jpeg(turned(pixels, int(rng.integers(1, 8)))), "jpg"


def jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    """Pixels as a JPEG file."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()

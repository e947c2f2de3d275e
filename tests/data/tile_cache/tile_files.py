"""Tile images of noise."""

from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


def save(path: Path, width: int = 40, height: int = 30) -> Path:
    noise = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    return path

"""A tile as the audit sees it: its pixels, its file, and what each check takes from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from her2bench.data.decoding.reading import Region


@dataclass(frozen=True)
class FileFacts:
    """The metadata of a file, without decoding its pixels.

    Attributes:
        path: the file.
        format: by content, as Pillow names it (`JPEG`, `PNG`, …); empty for slides.
        mode: Pillow's mode of the stored pixels.
        width: pixels.
        height: pixels.
        bytes: of the file.
        modified: seconds since 1970.
        quantisation: a JPEG's tables (k, 64) int, as `Image.quantization` gives them; else None.
    """

    path: str
    format: str
    mode: str
    width: int
    height: int
    bytes: int
    modified: float
    quantisation: np.ndarray | None


@dataclass(frozen=True)
class AuditedTile:
    """One decoded tile.

    Attributes:
        rgb: (height, width, 3) uint8, at full resolution.
        file: the file that holds it.
        region: where in the file, None where the file is the tile.
    """

    rgb: np.ndarray
    file: FileFacts
    region: Region | None


@dataclass(frozen=True)
class Extract:
    """What one check wants kept of every tile, small: all tiles' extracts are held together.

    Attributes:
        fields: name → (numpy dtype, shape for one tile); names are unique over all extracts.
        take: the values of one tile, by name.
        version: raised when `take` gives other values; kept ones are then made again.
    """

    fields: Mapping[str, tuple[str, tuple[int, ...]]]
    take: Callable[[AuditedTile], Mapping[str, ArrayLike]]
    version: int

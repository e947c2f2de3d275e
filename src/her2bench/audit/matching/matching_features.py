"""What is kept of each tile to find its duplicates and neighbours: about 11 KB."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from her2bench.audit.features.audited_tile import AuditedTile, Extract
from her2bench.audit.matching import edges, keypoints, thumbnails

WORKING_SIDE = 256
"""Larger tiles are shrunk by a whole number, to about this many pixels per side."""


def reduction(height: int, width: int) -> int:
    """By how much a tile is shrunk before its keypoints are sought.

    >>> [reduction(side, side) for side in (96, 256, 512, 1024)]
    [1, 1, 2, 4]
    """
    return max(1, round(max(height, width) / WORKING_SIDE))


def _take(tile: AuditedTile) -> Mapping[str, ArrayLike]:
    height, width = tile.rgb.shape[:2]
    grey = Image.fromarray(tile.rgb).convert("L")
    small = grey.reduce(reduction(height, width))
    points = keypoints.find_keypoints(np.asarray(small, np.float32))
    return {
        "file_digest": _digest(_file_bytes(tile)),
        "pixel_digest": _digest(np.ascontiguousarray(tile.rgb).data, f"{width} x {height}"),
        "tile_size": (width, height),
        "look": thumbnails.look(small),
        "borders": edges.border_lines(np.asarray(grey)),
        "keypoint_codes": points.codes,
        "keypoint_places": points.places,
    }


def _file_bytes(tile: AuditedTile) -> bytes:
    """Of a file that is one tile; a region has no bytes of its own."""
    return b"" if tile.region else Path(tile.file.path).read_bytes()


def _digest(content: bytes | memoryview, size: str = "") -> np.ndarray:
    """16 bytes that distinguish contents; all 0 where there is no content."""
    if not len(content):
        return np.zeros(16, np.uint8)
    return np.frombuffer(blake2b(content, digest_size=16, person=size.encode()).digest(), np.uint8)


MATCHING_FEATURES = Extract(
    fields={
        "file_digest": ("uint8", (16,)),
        "pixel_digest": ("uint8", (16,)),
        "tile_size": ("int32", (2,)),
        "look": ("uint8", (thumbnails.SIDE, thumbnails.SIDE)),
        "borders": ("uint8", (4, edges.LINES, edges.SAMPLES)),
        "keypoint_codes": ("uint64", (keypoints.MOST,)),
        "keypoint_places": ("uint16", (keypoints.MOST, 2)),
    },
    take=_take,
    version=1,
)

"""One pass over all tiles: each decoded once, and the extracts of every check kept."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from her2bench.data.audit.tile import AuditedTile, Extract, FileFacts
from her2bench.data.cache import regions_of
from her2bench.data.progress import follow, threads
from her2bench.data.tiles import UnreadableImage, read_tiles


@dataclass(frozen=True)
class Observations:
    """What was taken from the tiles.

    Attributes:
        fields: name → (n, …) array, a row a tile of the manifest; rows of unreadable tiles are 0.
        bad: the reason for each tile that could not be read, by its row.
    """

    fields: dict[str, np.ndarray]
    bad: dict[int, str]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.fields[name]


def observe(manifest: pl.DataFrame, extracts: Sequence[Extract]) -> Observations:
    """Decode every tile once and keep what the extracts take from it."""
    kinds = {name: kind for extract in extracts for name, kind in extract.fields.items()}
    n = len(manifest)
    fields = {name: np.zeros((n, *shape), dtype) for name, (dtype, shape) in kinds.items()}
    bad: dict[int, str] = {}
    regions = regions_of(manifest)
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(manifest["path"]):
        rows_of.setdefault(path, []).append(row)

    def work(path: str, rows: list[int]) -> None:
        facts = None
        for row, rgb in zip(rows, read_tiles(path, [regions[r] for r in rows]), strict=True):
            if isinstance(rgb, UnreadableImage):
                bad[row] = str(rgb)
                continue
            facts = facts or file_facts(path)
            for extract in extracts:
                for name, value in extract.take(AuditedTile(rgb, facts, regions[row])).items():
                    fields[name][row] = value

    with ThreadPoolExecutor(threads()) as pool:
        follow([pool.submit(work, *piece) for piece in rows_of.items()], "looking at tiles")
    return Observations(fields, bad)


def file_facts(path: str) -> FileFacts:
    """What the file says of itself; of a slide that Pillow does not know, only its size on disk."""
    stat = Path(path).stat()
    try:
        with Image.open(path) as image:
            tables = getattr(image, "quantization", None)
            kept = np.array(list(tables.values())) if image.format == "JPEG" and tables else None
            return FileFacts(
                path, image.format or "", image.mode, *image.size, stat.st_size, stat.st_mtime, kept
            )
    except OSError:
        return FileFacts(path, "", "", 0, 0, stat.st_size, stat.st_mtime, None)

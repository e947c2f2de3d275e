"""One pass over all tiles: each decoded once, and the extracts of every check kept."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from her2bench.audit.features.audited_tile import AuditedTile, Extract, FileFacts
from her2bench.audit.features.npy_store import Columns, Kinds, read_columns, size_of
from her2bench.core.parallel import follow, workers
from her2bench.data.decoding.reading import Region, read_tiles
from her2bench.data.decoding.unreadable import BROKEN, UnreadableImage
from her2bench.data.decoding.whole_images import opened
from her2bench.data.tile_cache.artifact_cache import keep
from her2bench.data.tile_cache.cached_tiles import regions_of
from her2bench.data.tile_cache.content_hash import content_key, decoders, digests

READING = 1
"""Version of what all extracts share: how tiles and the facts of files are read, and which cannot
be. Raise it when that changes: kept observations are then made again."""
_TILES_PER_PIECE = 32  # of one thread: rows written together, and a bar that moves
_Piece = list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Observations:
    """What was taken from the tiles.

    Attributes:
        fields: name → (n, …) array, one row per tile of the manifest; 0 if unreadable.
            Large ones may be mapped from disk, read-only.
        bad: the reason for each tile that could not be read, by its row.
    """

    fields: dict[str, np.ndarray]
    bad: dict[int, str]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.fields[name]

    @property
    def readable(self) -> np.ndarray:
        """(n,) bool: the tiles that could be read."""
        good = np.ones(len(next(iter(self.fields.values()))), bool)
        good[list(self.bad)] = False
        return good


def observe(
    manifest: pl.DataFrame, extracts: Sequence[Extract], folder: Path | None = None
) -> Observations:
    """Decode every tile once, at full resolution, and keep what the extracts take from it.

    Args:
        manifest: as `read_manifest` gives it, paths absolute.
        extracts: what to take; field names are unique over all of them.
        folder: where to keep it, so that the same files are not decoded twice
            (`artifact_cache.cache_folder()` is the place); without it, it is held in memory alone.

    Raises:
        UserError: the disk has no space.
    """
    kinds = _kinds(extracts)
    regions = regions_of(manifest)
    if folder is None:
        columns = Columns.in_memory(kinds, len(manifest))
        bad = _look(manifest, regions, extracts, columns)
        return Observations(columns.arrays, bad)
    place = Path(folder) / f"audit-{_key(manifest, regions, extracts)}"

    def write(temporary: Path) -> None:
        with Columns.on_disk(temporary, kinds, len(manifest)) as columns:
            bad = _look(manifest, regions, extracts, columns)
        (temporary / "bad.json").write_text(json.dumps(bad), encoding="utf-8")

    keep(place, size_of(kinds, len(manifest)), "what the audit notes of the tiles", write)
    bad = json.loads((place / "bad.json").read_text(encoding="utf-8"))
    return Observations(read_columns(place, kinds), {int(row): why for row, why in bad.items()})


def _kinds(extracts: Sequence[Extract]) -> Kinds:
    named = [field for extract in extracts for field in extract.fields.items()]
    kinds = dict(named)
    if len(kinds) < len(named):
        twice = sorted({name for name, _ in named if sum(name == n for n, _ in named) > 1})
        raise ValueError(f"two extracts have fields of one name: {', '.join(twice)}")
    return kinds


def _look(
    manifest: pl.DataFrame,
    regions: list[Region | None],
    extracts: Sequence[Extract],
    columns: Columns,
) -> dict[int, str]:
    bad: dict[int, str] = {}

    def work(piece: _Piece) -> None:
        rows = [row for _, some in piece for row in some]
        block = columns.block(len(rows))
        place = {row: i for i, row in enumerate(rows)}
        for path, some in piece:
            for row, tile in _tiles(path, some, regions):
                if isinstance(tile, UnreadableImage):
                    bad[row] = str(tile)
                    continue
                for extract in extracts:
                    for name, value in extract.take(tile).items():
                        block[name][place[row]] = value
        columns.put(rows, block)

    # Every core has a thread already: a matrix product within one must not take them all.
    with threadpool_limits(1), workers() as pool:
        pieces = _pieces(manifest["path"].to_list())
        follow([pool.submit(work, piece) for piece in pieces], "looking at tiles")
    return dict(sorted(bad.items()))


def _tiles(
    path: str, rows: list[int], regions: list[Region | None]
) -> Iterator[tuple[int, AuditedTile | UnreadableImage]]:
    facts = None
    for row, rgb in zip(rows, read_tiles(path, [regions[r] for r in rows]), strict=True):
        if isinstance(rgb, UnreadableImage):
            yield row, rgb
            continue
        facts = facts or file_facts(path)
        yield row, AuditedTile(rgb, facts, regions[row])


def _pieces(paths: list[str]) -> list[_Piece]:
    """Rows in pieces of about one size: many small images together, a large one cut in several."""
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(paths):
        rows_of.setdefault(path, []).append(row)
    pieces: list[_Piece] = [[]]
    left = _TILES_PER_PIECE
    for path, rows in rows_of.items():
        # A large image is decoded again in every piece, so its pieces are larger.
        for start in range(0, len(rows), 8 * _TILES_PER_PIECE):
            some = rows[start : start + 8 * _TILES_PER_PIECE]
            if pieces[-1] and len(some) > left:
                pieces.append([])
                left = _TILES_PER_PIECE
            pieces[-1].append((path, some))
            left -= len(some)
    return pieces


def file_facts(path: str) -> FileFacts:
    """The metadata of a file; for a slide that Pillow cannot read, only its size on disk."""
    stat = Path(path).stat()
    try:
        with opened(Path(path)) as image:
            tables = getattr(image, "quantization", None)
            kept = np.array(list(tables.values())) if image.format == "JPEG" and tables else None
            return FileFacts(
                path, image.format or "", image.mode, *image.size, stat.st_size, stat.st_mtime, kept
            )
    except (UnreadableImage, *BROKEN):
        return FileFacts(path, "", "", 0, 0, stat.st_size, stat.st_mtime, None)


def _key(manifest: pl.DataFrame, regions: list[Region | None], extracts: Sequence[Extract]) -> str:
    """Names all that the observations depend on: pixels, file names and dates, and versions."""
    paths = manifest["path"].to_list()
    content = digests(manifest["path"].unique(maintain_order=True).to_list())
    files = [(content[path], Path(path).suffix, _modified(path)) for path in paths]
    taken = [(extract.version, sorted(extract.fields.items())) for extract in extracts]
    return content_key([READING, decoders(), taken, files, regions])


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0

"""Drawn tiles with planted duplicates and neighbours."""

import io
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.matching.thumbnails import turned
from her2bench.phantom import draw_field, draw_slide

SIZE = 160
SIDE = 192
CORNERS = ((0, 0), (SIDE, 0), (0, SIDE), (SIDE - 20, 9))  # x, y; the last overlaps the first two


def fields(n: int, height: int = SIZE, width: int = SIZE, seed: int = 0) -> list[np.ndarray]:
    root = np.random.default_rng(seed)
    rngs = root.spawn(2 * n)
    slides = [draw_slide(i, 2 + i % 2, 1, rngs[i]) for i in range(n)]
    return [draw_field(s, rngs[n + i], height, width, 0.92)[0] for i, s in enumerate(slides)]


def encoded(rgb: np.ndarray, kind: str = "JPEG", **settings) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, kind, **settings)
    return stream.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def manifest_of(folder: Path, contents: list[bytes]) -> pl.DataFrame:
    paths = [folder / f"{i:03d}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    names = [p.name for p in paths]
    return pl.DataFrame({"tile_id": names, "path": map(str, paths), "score": [3] * len(paths)})


def with_duplicates(folder: Path) -> tuple[pl.DataFrame, Observations]:
    """Tiles 0 to 19 are unrelated, 20 to 26 are made from tiles 0 to 5, 27 cannot be read."""
    whole = fields(20, SIZE + 40, SIZE + 40)
    tiles = [encoded(w[:SIZE, :SIZE], quality=90) for w in whole]
    made = [
        tiles[0],
        encoded(decoded(tiles[1]), "PNG"),
        encoded(decoded(tiles[2]), quality=40),
        encoded(turned(decoded(tiles[3]), 1), quality=90),
        encoded(turned(decoded(tiles[4]), 6), quality=90),
        encoded(whole[5][17 : 17 + SIZE, 30 : 30 + SIZE], quality=90),
        tiles[0],
    ]
    manifest = manifest_of(folder, [*tiles, *made, b"no image"])
    return manifest, observe(manifest, [MATCHING_FEATURES])


def field(slide: int, height: int, width: int) -> np.ndarray:
    rng, strokes = np.random.default_rng([7, slide]).spawn(2)
    return draw_field(draw_slide(slide, 3, 1, rng), strokes, height, width, 0.92)[0]


def with_neighbours(folder: Path) -> tuple[pl.DataFrame, Observations]:
    """Four tiles of one field, in the order of `CORNERS`, then twelve unrelated ones and glass."""
    whole = field(0, 2 * SIDE, 2 * SIDE)
    tiles = [whole[y : y + SIDE, x : x + SIDE] for x, y in CORNERS]
    tiles += [field(i, SIDE, SIDE) for i in range(1, 13)]
    rng = np.random.default_rng(0)
    tiles += [rng.normal(248, 1.5, (SIDE, SIDE, 3)).astype(np.uint8) for _ in range(6)]
    paths = [folder / f"{i:02d}.jpg" for i in range(len(tiles))]
    for path, tile in zip(paths, tiles, strict=True):
        path.write_bytes(encoded(tile, quality=90))
    ids = [p.stem for p in paths]
    table = pl.DataFrame({"tile_id": ids, "path": map(str, paths), "score": [3] * len(ids)})
    return table, observe(table, [MATCHING_FEATURES])

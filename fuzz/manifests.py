"""Manifests: read, written again, divided."""

from pathlib import Path
from random import Random

import polars as pl

from fuzz.tables import Columns, odd_table
from fuzz.workspace import Workspace
from her2bench.core.errors import UserError
from her2bench.core.manifest import REGION, read_manifest, targets, write_manifest
from her2bench.core.vocabulary import ENDPOINTS
from her2bench.data.splitting.splits import SplitSettings, make_splits

_DROPPED = ("tile_id", "score", "group_id", "split", "status", "mpp", "scanner")
_KINDS = ("manifest", "grouped", "grouped-kfold", "random-tiles")


def manifest_columns(tiles: int = 24) -> Columns:
    """A sound manifest of slides of two tiles each, with every optional column."""
    slides = [i // 2 for i in range(tiles)]
    return {
        "tile_id": [f"t{i:03}" for i in range(tiles)],
        "path": [f"tiles/{i}.png" for i in range(tiles)],
        "score": [slide % 4 for slide in slides],
        "group_id": [f"s{slide}" for slide in slides],
        "split": [("train", "val", "test")[slide % 3] for slide in slides],
        "status": [slide % 2 for slide in slides],
        "x": [16 * i for i in range(tiles)],
        "y": [0] * tiles,
        "width": [64] * tiles,
        "height": [64] * tiles,
        "mpp": [0.25] * tiles,
        "scanner": ["A" if i % 2 else "B" for i in range(tiles)],
    }


class Manifests:
    """Tables of tiles, CSV and Parquet."""

    def __init__(self, workspace: Workspace) -> None:
        self._out = workspace.out

    def make(self, rng: Random) -> tuple[str, bytes]:
        columns = manifest_columns()
        optional = [REGION, *((key,) for key in _DROPPED)]
        for keys in rng.sample(optional, rng.randint(0, len(optional))):
            for key in keys:
                del columns[key]
        return odd_table(columns, rng)

    def read(self, path: Path, rng: Random) -> None:
        table = read_manifest(path)
        if rng.random() < 0.5:
            _read_again(table, self._out / "manifest.parquet")
        if rng.random() < 0.5:
            target = targets(table, rng.choice(list(ENDPOINTS)), path)
            make_splits(table, target, SplitSettings(kind=rng.choice(_KINDS), folds=2))


def _read_again(table: pl.DataFrame, path: Path) -> None:
    """What we write passes our own reader's rules, and is the same."""
    write_manifest(table, path)
    try:
        again = read_manifest(path)
    except UserError as error:
        raise AssertionError(f"the manifest written is refused: {error}") from error
    for name in ("score", "status"):
        if name in table.columns:
            same = again[name].equals(table[name])
            assert same, f"the {name} changed on the way through a file"

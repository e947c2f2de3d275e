"""Four tiles to be cached."""

from pathlib import Path

import polars as pl
import pytest
from tests.data.tile_cache.tile_files import save


@pytest.fixture
def manifest(tmp_path: Path) -> pl.DataFrame:
    folder = tmp_path / "tiles"
    folder.mkdir()
    paths = [str(save(folder / f"{name}.png")) for name in "abcd"]
    return pl.DataFrame({"tile_id": list("abcd"), "path": paths, "score": [0, 1, 2, 3]})

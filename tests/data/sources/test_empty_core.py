"""A core that has lost its tissue gives no tiles; real tissue, however pale, keeps its own."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from scipy import ndimage

from her2bench.core.errors import UserError
from her2bench.data.sources.images import Tiling, read_labels, tile_images

REAL = Path(os.environ.get("HER2BENCH_REAL_DATA", "")) / "her2_tma" / "labels.csv"
# Tiles of 512 pixels with at least half of tissue, counted when texture alone was enough.
COUNTS = {"0_9b0f64d1": 53, "0_aa1da043": 62, "0_ccb66c10": 81, "1_154ae963": 77, "1_fb95908d": 71}
COUNTS |= {"2_0123a214": 74, "2_726fa489": 74, "2_a5593c5e": 65, "2_aeb277c9": 74, "3_a1f1510c": 65}


def empty_core(path: Path, side: int = 2048) -> None:
    """Bluish glass, a disc of faint grey texture as glue leaves it, dust, a hair; as JPEG."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side - 0.5
    rough = ndimage.gaussian_filter(rng.normal(0, 1, (side, side)), 3)
    density = (0.012 + 0.03 * rough / rough.std()) * (x**2 + y**2 < 0.16)
    for _ in range(60):
        dust = (slice(a, a + rng.integers(3, 16)) for a in rng.integers(0, side - 20, 2))
        density[tuple(dust)] += rng.uniform(0.1, 0.9)
    density[np.abs(y - x**2 + 0.1) < 0.002] += 0.4
    glass = np.array([234, 233, 242])
    image = glass * 10 ** -density[..., None] + rng.normal(0, 1.5, (side, side, 3))
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path, quality=85)


def test_an_empty_core_has_no_tiles(tmp_path):
    empty_core(tmp_path / "empty.jpg")
    (tmp_path / "labels.csv").write_text("path,score\nempty.jpg,0\n")
    with pytest.raises(UserError, match="no tissue in any image"):
        tile_images(read_labels(tmp_path / "labels.csv"), Tiling(tile_size=256))


@pytest.mark.skipif(not REAL.is_file(), reason="HER2BENCH_REAL_DATA is not set")
@pytest.mark.slow
def test_real_cores_keep_their_tiles():
    tiles = tile_images(read_labels(REAL), Tiling(tile_size=512))
    found = dict(tiles.group_by("group_id").agg(pl.len()).iter_rows())
    assert all(found[core] >= 0.98 * count for core, count in COUNTS.items()), found

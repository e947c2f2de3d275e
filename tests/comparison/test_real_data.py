"""The whole way on real tissue cores: labelled images → tiles → folds of whole cores → table."""

import os
from pathlib import Path

import polars as pl
import pytest

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.manifest import write_manifest
from her2bench.data.sources.images import Tiling, read_labels, tile_images

REAL = os.environ.get("HER2BENCH_REAL_DATA")
CONFIG = Path(__file__).parents[2] / "configs" / "her2_tma.toml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL, reason="HER2BENCH_REAL_DATA is not set"),
]


@pytest.mark.parametrize("endpoint", ["2+", "status"])
def test_cores_end_in_a_table_by_folds_of_whole_cores(endpoint, tmp_path, cache):
    labels = Path(REAL or "") / "her2_tma" / "labels.csv"
    tiles = tile_images(read_labels(labels), Tiling(), labels)
    write_manifest(tiles, tmp_path / "her2_tma.csv")
    small = ["recipe.epochs=1", "models=['lenet']", "size=64", f"endpoint='{endpoint}'"]
    config = load_settings(ComparisonConfig, CONFIG, [f"manifest={tmp_path}/her2_tma.csv", *small])
    folder = compare(config, tmp_path / "out", Choices("cpu", cache), Watcher())
    predictions = pl.read_parquet(folder.predictions)
    for (model,), part in predictions.group_by("model"):
        test = part.filter(pl.col("split") == "test")
        assert test["group_id"].n_unique() == 10, model
        assert sorted(test["tile_id"]) == sorted(tiles["tile_id"]), model
    sides = predictions.group_by("model", "fold", "group_id").agg(pl.col("split").n_unique())
    assert sides["split"].max() == 1

"""Real slides, and real cores on one slide."""

import os
import shutil
from pathlib import Path

import geojson
import numpy as np
import polars as pl
import pytest
from benchmarks.pyramid import pyramid_of
from PIL import Image

import her2bench as hb
from her2bench.prediction.predict_files import predict_rows
from her2bench.prediction.predictor import opened_predictor

from .conftest import CPU, MPP, SIDE
from .test_predict_slides import FILES

REAL = Path(os.environ.get("HER2BENCH_REAL_DATA", ""))
pytestmark = pytest.mark.skipif(
    not REAL.joinpath("slides").is_dir(), reason="no HER2BENCH_REAL_DATA"
)


@pytest.mark.slow
def test_both_real_slides(tmp_path, run):
    with pytest.raises(hb.UserError, match="--mpp"):
        hb.predict(run, REAL / "slides", tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
    found = hb.predict(run, REAL / "slides", tmp_path / "out", device="cpu", mpp=0.25)
    assert [summary["mpp"] for summary in found.slides] == [0.499, 0.25]
    for summary in found.slides:
        folder = tmp_path / "out" / summary["slide"]
        assert {path.name for path in folder.iterdir()} == FILES
        shapes = geojson.loads((folder / "tiles.geojson").read_text())
        assert len(shapes.features) == summary["tiles"] > 50


@pytest.mark.slow
def test_two_real_cores_on_one_slide_are_predicted_as_their_tiles(tmp_path, run):
    cores = sorted((REAL / "her2_tma").glob("[03]_*.jpg"))[::3]
    parts = []
    for path in cores:
        with Image.open(path) as core:
            parts.append(np.asarray(core.crop((1500, 1500, 3036, 3036))))
    pyramid_of(tmp_path / "two.tiff", np.concatenate(parts, axis=1), 3, MPP)
    hb.predict(run, tmp_path / "two.tiff", tmp_path / "out", device="cpu")
    table = pl.read_csv(tmp_path / "out" / "two" / "tiles.csv")
    whole = table.filter((pl.col("x") + SIDE <= 1536) | (pl.col("x") >= 1536))
    right = (whole["x"] >= 1536).to_list()
    manifest = whole.select("tile_id", "width", "height").with_columns(
        pl.Series("path", [str(cores[side]) for side in right]),
        x=whole["x"] - 1536 * pl.Series(right).cast(pl.Int64) + 1500,
        y=whole["y"] + 1500,
    )
    expected, _ = predict_rows(opened_predictor(run, CPU), manifest)
    assert sum(right) > 20 and len(right) - sum(right) > 20
    np.testing.assert_allclose(whole["probability"], expected["probability"], atol=1e-5)
    shutil.rmtree(tmp_path / "out")

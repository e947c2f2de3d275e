"""Slides: the same probabilities as tiles get, files that other programs read, resuming."""

import errno
import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import geojson
import numpy as np
import polars as pl
import pytest
import shapely
from benchmarks.pyramid import pyramid_of
from PIL import Image
from scipy import ndimage

import her2bench as hb
from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.decoding.rgb import resized
from her2bench.prediction.domain_shift import distances, features
from her2bench.prediction.predict_files import predict_rows
from her2bench.prediction.predictor import opened_predictor
from her2bench.prediction.slides import predict_slides as module
from her2bench.prediction.slides.heatmap_figure import mean_probability
from her2bench.prediction.slides.slide_prediction import predict_slide
from her2bench.prediction.slides.slide_tiles import SlideTiling

from .conftest import CPU, HEIGHT, MPP, SIDE, SIZE, WIDTH, drawn

FILES = {"tiles.csv", "tiles.geojson", "heatmap.png", "summary.json"}


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, run, slide) -> Path:
    out = tmp_path_factory.mktemp("out")
    hb.predict(run, slide, out, device="cpu")
    return out


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_slide_gets_a_folder_of_files_and_a_row(predicted):
    assert {path.name for path in (predicted / "one").iterdir()} == FILES
    table = pl.read_csv(predicted / "one" / "tiles.csv")
    assert table.columns == [
        *("tile_id", "x", "y", "width", "height", "logit", "probability"),
        *("calibrated_probability", "call", "distance"),
    ]
    summary = json.loads((predicted / "one" / "summary.json").read_text())
    positive = (table["call"] == "positive").sum()
    assert summary["tiles"] == table.height > 40
    assert 0 < summary["predicted_positive"] == positive < table.height
    assert summary["slide_level"] is None and "scores.json" in summary["slide_level_unknown"]
    area = (np.pi * (450**2 + 500**2)) * MPP**2 / 1e6
    assert summary["tissue_mm2"] == pytest.approx(
        area, rel=0.1
    )  # the outline lies 16 pixels outside
    rows = pl.read_csv(predicted / "slides.csv")
    assert rows["slide"].to_list() == ["one"]
    assert rows["share_predicted_positive"][0] == pytest.approx(positive / table.height)
    for name in ("one/tiles.geojson", "one/summary.json", "slides.csv"):
        assert "Research use only" in (predicted / name).read_text()
    with Image.open(predicted / "one" / "heatmap.png") as picture:
        assert picture.width > 1500


def test_probabilities_are_those_of_the_manifest(predicted, run, slide):
    table = pl.read_csv(predicted / "one" / "tiles.csv")
    manifest = table.select("tile_id", "x", "y", "width", "height").with_columns(
        path=pl.lit(str(slide))
    )
    expected, _ = predict_rows(opened_predictor(run, CPU), manifest)
    assert expected["tile_id"].to_list() == table["tile_id"].to_list()
    np.testing.assert_allclose(table["probability"], expected["probability"], atol=1e-5)
    assert expected["call"].to_list() == table["call"].to_list()


def test_the_geojson_is_read_by_others_and_lies_on_tissue(predicted):
    table = pl.read_csv(predicted / "one" / "tiles.csv")
    found = geojson.loads((predicted / "one" / "tiles.geojson").read_text())
    assert found.is_valid and len(found.features) == table.height
    tissue = ndimage.binary_dilation(drawn()[1], iterations=16)  # as far out as the outline lies
    on_tissue = []
    for feature, row in zip(found.features, table.iter_rows(named=True), strict=True):
        shape = shapely.geometry.shape(feature.geometry)
        assert shape.is_valid and shape.area == SIDE**2
        assert shape.bounds[:2] == (row["x"], row["y"])
        on_tissue.append(tissue[int(shape.centroid.y), int(shape.centroid.x)])
        about = feature.properties
        assert about["classification"]["name"] == f"Predicted {row['call']}"
        assert about["measurements"]["Probability"] == pytest.approx(row["probability"])
    assert np.mean(on_tissue) >= 0.95


def test_a_finer_slide_is_read_at_the_level_of_training(tmp_path, run, image):
    pyramid_of(tmp_path / "fine.tiff", image, 3, MPP / 2)
    hb.predict(run, tmp_path / "fine.tiff", tmp_path / "out", device="cpu", gzip=True)
    table = pl.read_csv(tmp_path / "out" / "fine" / "tiles.csv")
    assert table["width"].unique().to_list() == [2 * SIDE]
    half = np.asarray(Image.fromarray(image).reduce(2))
    tiles = [
        resized(half[y // 2 : y // 2 + SIDE, x // 2 : x // 2 + SIDE], SIZE)
        for x, y in table.select(pl.col("x", "y")).iter_rows()
        if x % 2 == y % 2 == 0
    ]
    even = table.filter(pl.col("x") % 2 == 0, pl.col("y") % 2 == 0)
    expected = opened_predictor(run, CPU).logits(np.stack(tiles))
    np.testing.assert_allclose(even["logit"], expected, atol=1e-4)
    packed = tmp_path / "out" / "fine" / "tiles.geojson.gz"
    assert len(json.loads(gzip.decompress(packed.read_bytes()))["features"]) == table.height


def test_a_comparison_is_the_mean_of_its_runs(tmp_path, comparison, slide):
    hb.predict(comparison.path, slide, tmp_path / "out", device="cpu", table="parquet")
    table = pl.read_parquet(tmp_path / "out" / "one" / "tiles.parquet")
    logits = []
    for seed in (0, 1):
        single = comparison.run("lenet", seed, 0).path
        hb.predict(single, slide, tmp_path / f"{seed}", device="cpu")
        logits.append(pl.read_csv(tmp_path / f"{seed}" / "one" / "tiles.csv")["logit"].to_numpy())
    np.testing.assert_allclose(table["logit"], np.mean(logits, axis=0), atol=1e-6)


def test_a_manifest_is_predicted_row_by_row(tmp_path, comparison, run):
    found = hb.predict(run, comparison.manifest, tmp_path / "out", device="cpu").tiles
    assert found is not None and found.columns[:2] == ["tile_id", "path"]
    images = hb.predict(run, comparison.path / "tiles", tmp_path / "two", device="cpu").tiles
    assert images is not None and images.columns == ["path", "logit", "probability", "call"]
    both = found.join(images, on="path")
    np.testing.assert_allclose(both["logit"], both["logit_right"], atol=1e-6)


def test_the_heatmap_is_the_mean_over_overlapping_tiles(run, slide):
    predictor = opened_predictor(run, CPU)
    image = open_image(slide)
    found = predict_slide("one", slide, image, predictor, SlideTiling(overlap=0.5))
    image.close()
    mean = mean_probability(found)
    height, width = mean.shape
    total, count = np.zeros((2, height, width))
    for x, y, p in found.table.select("x", "y", "probability").iter_rows():
        left, top, right, bottom = (
            round(value)
            for value in (
                *(x * width / WIDTH, y * height / HEIGHT),
                *((x + SIDE) * width / WIDTH, (y + SIDE) * height / HEIGHT),
            )
        )
        total[top:bottom, left:right] += p
        count[top:bottom, left:right] += 1
    assert count.max() == 4
    assert (np.isnan(mean) == (count == 0)).all()
    seen = count > 0
    np.testing.assert_allclose(mean[seen], total[seen] / count[seen], atol=1e-9)


def test_distances_are_zero_within_the_range_of_the_training_tiles(run, image):
    training = opened_predictor(run, CPU).training
    assert not isinstance(training, str)
    tiles = np.stack([image[700:764, x : x + 64] for x in (400, 600, 1500, 1700)])
    assert (distances(tiles, training) == 0).mean() >= 0.5
    low, high = training.ranges["white"]
    darker = (tiles * 0.6).astype(np.uint8)
    least = (low - features(darker)["white"]) / (high - low)
    assert (distances(darker, training) >= least).all() and (least > 0).all()


class Damaged:
    """A slide of which a part cannot be read."""

    def __init__(self, path: Path, left_of: int) -> None:
        self.inner, self.left_of = open_image(path), left_of

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def read(self, region, coarsest=1.0):
        if region.x < self.left_of:
            raise UnreadableImage("damaged block")
        return self.inner.read(region, coarsest)


def test_unreadable_regions_are_counted_and_not_fatal(tmp_path, run, slide, monkeypatch):
    monkeypatch.setattr(module, "open_image", lambda path: Damaged(path, 700))
    (summary,) = hb.predict(run, slide, tmp_path, device="cpu").slides
    assert summary["unreadable_tiles"] > 5
    assert {bad["reason"] for bad in summary["unreadable"]} == {"damaged block"}
    table = pl.read_csv(tmp_path / "one" / "tiles.csv")
    assert table["x"].min() >= 700 and table.height == summary["tiles"]


def test_a_slide_without_a_readable_tile_is_refused(tmp_path, run, slide, monkeypatch):
    monkeypatch.setattr(module, "open_image", lambda path: Damaged(path, 10_000))
    with pytest.raises(hb.UserError, match=r"none of its .* tissue tiles can be read"):
        hb.predict(run, slide, tmp_path / "out", device="cpu")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_full_disk_leaves_nothing_of_the_slide(tmp_path, run, slide, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("her2bench.prediction.slides.slide_folder.write_heatmap", full)
    with pytest.raises(hb.UserError, match="the disk is full"):
        hb.predict(run, slide, tmp_path, device="cpu")
    assert not [path for path in tmp_path.iterdir() if path.name != ".lock"]


def test_finished_slides_are_kept_and_others_need_overwrite(tmp_path, run, slide, monkeypatch):
    hb.predict(run, slide, tmp_path, device="cpu")
    before = contents(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(module, "predict_slide", None)  # would fail if it were called
        hb.predict(run, slide, tmp_path, device="cpu")
    assert contents(tmp_path) == before
    with pytest.raises(hb.UserError, match=r"another overlap[\s\S]*--overwrite"):
        hb.predict(run, slide, tmp_path, device="cpu", overlap=0.25)
    assert contents(tmp_path) == before
    hb.predict(run, slide, tmp_path, device="cpu", overlap=0.25, overwrite=True)
    table = pl.read_csv(tmp_path / "one" / "tiles.csv")
    assert table.height > json.loads(before["one/summary.json"])["tiles"]


@pytest.mark.slow
def test_killed_in_a_folder_of_slides_it_ends_as_unkilled(tmp_path, run, image):
    (tmp_path / "in").mkdir()
    for number in range(5):
        part = image[400 : 800 + 20 * number, 300:900]
        pyramid_of(tmp_path / "in" / f"k{number}.svs", part, 1, MPP)
    hb.predict(run, tmp_path / "in", tmp_path / "whole", device="cpu")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "her2bench", "predict", str(run), str(tmp_path / "in")]
    with subprocess.Popen([*command, "-o", str(out), "--device", "cpu"]) as process:
        while len(list(out.glob("k*"))) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert len(list(out.glob("k*"))) < 5
    hb.predict(run, tmp_path / "in", out, device="cpu")
    assert contents(out) == contents(tmp_path / "whole")

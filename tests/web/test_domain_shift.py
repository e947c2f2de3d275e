"""Tiles like the training tiles pass; each way of being unlike them is named."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.core.manifest import read_manifest
from her2bench.data.decoding.reading import read_tile
from her2bench.data.decoding.rgb import resized
from her2bench.prediction.domain_shift import Training, training_of, warnings

from .conftest import SIZE, write_tiles


@pytest.fixture(scope="module")
def training(folder) -> Training:
    found = training_of(folder, SIZE)
    assert isinstance(found, Training)
    return found


def tiles(folder, split):
    ids = pl.read_parquet(folder.splits).filter(pl.col("split") == split)["tile_id"]
    manifest = read_manifest(folder.manifest).filter(pl.col("tile_id").is_in(ids.implode()))
    return [read_tile(path) for path in manifest["path"]]


def said(rgb, training):
    return " ".join(warnings(rgb, resized(rgb, SIZE), training))


def stained(folder):
    return max(tiles(folder, "train"), key=lambda rgb: rgb.std())


def test_training_tiles_themselves_are_nearly_never_unlike(folder, training):
    warned = [said(rgb, training) != "" for rgb in tiles(folder, "train")]
    assert np.mean(warned) < 0.1
    assert training.sides == (96, 96)
    assert training.tiles == len(warned)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 0.5, "Background darker"),
        (lambda x: x * [1, 0.7, 1], "Background more coloured"),
        (lambda x: np.repeat(x.mean(axis=2, keepdims=True), 3, axis=2), "Less colour"),
        (lambda x: x + np.random.default_rng(0).normal(0, 80, x.shape), "Noisier"),
        (lambda x: np.full_like(x, 235), "Hardly any tissue"),
        (lambda x: x[:40], "Not square"),
        (lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1), "Another size: 192 px"),
        (lambda x: x[:48, :48], "smaller field"),
    ],
)
def test_each_way_of_being_unlike_is_named(folder, training, change, message):
    changed = np.clip(change(stained(folder)), 0, 255).astype(np.uint8)
    assert message in said(changed, training)


def test_stronger_stain_than_any_is_named(folder, training):
    narrow = replace(training, ranges={**training.ranges, "dab": (0.0, 0.05)})
    assert "Stronger brown (DAB)" in said(stained(folder), narrow)


def test_glass_is_named_without_training_tiles_too():
    glass = np.full((96, 96, 3), 240, np.uint8)
    assert "Hardly any tissue" in said(glass, None)


def test_a_picture_of_one_colour_and_of_black_does_no_harm(training):
    for level in (0, 255):
        assert "Hardly any tissue" in said(np.full((96, 96, 3), level, np.uint8), training)


def test_tiles_moved_away_are_said_to_be(folder, tmp_path):
    from her2bench.core.runs import ComparisonFolder

    moved = ComparisonFolder(tmp_path / "c")
    write_tiles(moved, slides=6)
    for path in (moved.path / "tiles").iterdir():
        path.unlink()
    found = training_of(moved, SIZE)
    assert isinstance(found, str) and "0 of" in found and "tiles" in found
    assert "no manifest" in str(training_of(ComparisonFolder(tmp_path / "none"), SIZE))


def test_regions_of_large_images_are_measured_as_tiles(folder, tmp_path):
    from her2bench.core.manifest import write_manifest
    from her2bench.core.runs import ComparisonFolder
    from her2bench.core.tables import write_table

    made = ComparisonFolder(tmp_path)
    mosaic = np.concatenate(tiles(folder, "train")[:24], axis=1)
    Image.fromarray(mosaic).save(tmp_path / "large.png")
    ids = [f"t{i}" for i in range(24)]
    table = pl.DataFrame(
        {
            "tile_id": ids,
            "path": str(tmp_path / "large.png"),
            "score": 2,
            "x": [96 * i for i in range(24)],
            "y": 0,
            "width": 96,
            "height": 96,
        }
    )
    write_manifest(table, made.manifest)
    write_table(pl.DataFrame({"tile_id": ids, "split": "train", "fold": 0}), made.splits)
    found = training_of(made, SIZE)
    assert isinstance(found, Training) and found.sides == (96, 96) and found.tiles == 24


def test_a_tile_that_is_not_square_is_described_as_it_was_treated():
    tile = np.full((40, 80, 3), 200, np.uint8)
    for square, words in (("squash", "distorted"), ("crop", "middle alone"), ("pad", "borders")):
        assert words in " ".join(warnings(tile, tile, None, square))

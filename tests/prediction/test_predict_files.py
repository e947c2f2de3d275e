"""`predict` on files gives what the comparison's own forward loop gave for the same tiles."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.data.decoding.rgb import resized
from her2bench.data.decoding.squares import squared
from her2bench.models.registry import build_model
from her2bench.prediction.forward import forward
from her2bench.prediction.inputs import find_images, find_inputs
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, load_trained, save_trained

CPU = torch.device("cpu")


@pytest.fixture
def run(tmp_path):
    """A finished run of a LeNet with random weights whose threshold parts the tiles."""
    torch.manual_seed(0)
    model = build_model("lenet", 64)
    prepare = Normalization((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    folder = RunFolder(tmp_path / "run")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    logits = forward(model, TileLoader(pixels, CPU), np.arange(6), prepare)
    description = ModelMetadata("lenet", 64, prepare, float(np.median(logits)), "2+")
    save_trained(model, description, folder.weights)
    folder.mark_done({})
    (tmp_path / "tiles").mkdir()
    for i, tile in enumerate(pixels):
        Image.fromarray(tile).save(tmp_path / "tiles" / f"{i}.png")
    return folder, logits


def test_predictions_are_those_of_the_forward_loop(run, tmp_path):
    folder, logits = run
    table, left_out = predict_tiles(folder, find_images([tmp_path / "tiles"]), CPU)
    assert not left_out
    np.testing.assert_allclose(table["logit"], logits, rtol=0, atol=1e-6)
    np.testing.assert_allclose(table["probability"], 1 / (1 + np.exp(-table["logit"].to_numpy())))
    positive = logits > np.median(logits)
    assert table["call"].to_list() == ["positive" if p else "negative" for p in positive]


def test_unreadable_images_are_named_and_left_out_on_request(run, tmp_path):
    folder, logits = run
    (tmp_path / "tiles" / "2.png").write_bytes(b"")
    images = find_images([tmp_path / "tiles"])
    with pytest.raises(UserError, match=r"2\.png"):
        predict_tiles(folder, images, CPU)
    table, left_out = predict_tiles(folder, images, CPU, skip_bad=True)
    assert [path for path, _ in left_out] == [str((tmp_path / "tiles" / "2.png").resolve())]
    np.testing.assert_allclose(table["logit"], np.delete(logits, 2), rtol=0, atol=1e-6)


def test_inputs_are_files_and_folders_each_image_once(run, tmp_path):
    tiles = tmp_path / "tiles"
    (tiles / "notes.txt").write_text("no image")
    found = find_images([tiles / "3.png", tiles])
    assert [path.name for path in found] == ["3.png", *(f"{i}.png" for i in (0, 1, 2, 4, 5))]
    with pytest.raises(UserError, match="no such file or folder"):
        find_images([tiles / "none.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image in it"):
        find_images([tmp_path / "empty"])


def test_damaged_weights_are_said(run, tmp_path):
    folder, _ = run
    folder.weights.write_bytes(folder.weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="not as DONE says"):
        predict_tiles(folder, find_images([tmp_path / "tiles"]), CPU)


def test_weights_of_a_pickle_are_refused(run, tmp_path):
    folder, _ = run
    torch.save({"x": torch.zeros(1)}, folder.weights)
    folder.mark_done({})  # as if it were meant
    with pytest.raises(UserError, match="weights that cannot be read"):
        predict_tiles(folder, find_images([tmp_path / "tiles"]), CPU)


def test_large_images_are_slides_and_tables_manifests(run, tmp_path):
    Image.new("RGB", (3000, 100)).save(tmp_path / "slide.png")
    found = find_inputs([tmp_path / "slide.png", tmp_path / "tiles" / "0.png", Path("m.csv")])
    kinds = [[path.name for path in kind] for kind in (found.tiles, found.manifests, found.slides)]
    assert kinds == [["0.png"], ["m.csv"], ["slide.png"]]


def test_a_table_keeps_its_columns(run, tmp_path):
    table, _ = predict_tiles(run[0], find_images([tmp_path / "tiles"]), CPU)
    assert table.schema == pl.Schema(
        {"path": pl.String, "logit": pl.Float64, "probability": pl.Float64, "call": pl.String}
    )


def test_a_link_keeps_its_name(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "0001").touch()
    (tmp_path / "tiles").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "tiles" / name).symlink_to("../store/0001")
    (tmp_path / "way").symlink_to("tiles")
    found = find_images([tmp_path / "tiles", tmp_path / "way", tmp_path / "way" / "a.png"])
    assert found == [tmp_path / "tiles" / "a.png", tmp_path / "tiles" / "b.png"]


def test_hidden_files_are_passed_over_unless_named(tmp_path):
    for name in ("._x.png", ".thumb.png", ".thumbs/x.png", "x.png"):
        path = tmp_path / "tiles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [path.name for path in find_images([tmp_path / "tiles"])] == ["x.png"]
    assert find_images([tmp_path / "tiles" / ".thumb.png"])


@pytest.mark.timeout(20)
def test_linked_folders_are_searched_and_circles_end(tmp_path):
    (tmp_path / "tiles" / "deep").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.png").touch()
    (tmp_path / "tiles" / "y.png").touch()
    (tmp_path / "tiles" / "deep" / "up").symlink_to("../..")
    (tmp_path / "tiles" / "self").symlink_to(".")
    (tmp_path / "tiles" / "linked").symlink_to("../other")
    found = find_images([tmp_path / "tiles"])
    assert sorted(path.name for path in found) == ["x.png", "y.png"]


def test_up_after_a_link_is_above_its_target(tmp_path):
    (tmp_path / "far" / "inside").mkdir(parents=True)
    (tmp_path / "far" / "x.png").touch()
    (tmp_path / "link").symlink_to("far/inside")
    (found,) = find_images([tmp_path / "link" / ".." / "x.png"])
    assert found.samefile(tmp_path / "far" / "x.png")


def test_names_that_are_not_utf8_are_refused_by_name(tmp_path):
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(UserError, match="not UTF-8"):
        find_images([tmp_path])


@pytest.mark.parametrize("square", ["squash", "crop", "pad"])
def test_images_that_are_not_square_are_treated_as_in_training(tmp_path, square):
    torch.manual_seed(0)
    model, folder = build_model("lenet", 64), RunFolder(tmp_path / "run")
    description = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+", square=square)
    save_trained(model, description, folder.weights)
    folder.mark_done({})
    assert load_trained(folder, CPU)[1] == description
    tile = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(tile).save(tmp_path / "a.png")
    table, _ = predict_tiles(folder, [tmp_path / "a.png"], CPU)
    seen = resized(squared(tile, square), 64)[None]
    expected = forward(model, TileLoader(seen, CPU), np.arange(1), Normalization())
    np.testing.assert_allclose(table["logit"], expected, rtol=0, atol=1e-6)


def test_an_unknown_treatment_in_a_weights_file_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    description = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+", square="warp")  # type: ignore[arg-type]
    save_trained(build_model("lenet", 64), description, folder.weights)
    folder.mark_done({})
    with pytest.raises(UserError, match="square 'warp'"):
        load_trained(folder, CPU)

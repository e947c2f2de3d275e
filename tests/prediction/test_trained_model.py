"""Trained networks from Python: every kind of image gives the numbers of the forward loop."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

import her2bench as hb
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import SCHEMA
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import build_model
from her2bench.prediction.forward import forward
from her2bench.prediction.gradcam import enlarged, gradcam, normalised
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

CPU = torch.device("cpu")
PREPARE = Normalization((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
TILES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two seeds of lenet, of which scores.json scales the logits, and one of alexnet."""
    made = ComparisonFolder(tmp_path_factory.mktemp("out"))
    made.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    for name, seed, threshold in (("lenet", 0, -0.5), ("lenet", 1, 0.3), ("alexnet", 0, 0.0)):
        torch.manual_seed(seed)
        run = made.run(name, seed, 0)
        about = ModelMetadata(name, 64, PREPARE, threshold, "2+")
        save_trained(build_model(name, 64), about, run.weights)
        run.mark_done({"threshold": threshold, "parameters": 1})
    made.run("dab_baseline", 0, 0).mark_done({})
    runs = [{"seed": s, "fold": 0, "slope": s + 1.0, "intercept": 0.5} for s in (0, 1)]
    measured = dict.fromkeys(("brier", "log_loss", "calibration_error"), 0.2)
    fitted = [{"model": "lenet", "method": "platt", "runs": runs} | measured]
    made.scores.write_text(json.dumps({"schema": SCHEMA, "calibration": fitted}), encoding="utf-8")
    return made


def logits_of(network, tiles):
    return forward(network, TileLoader(tiles, CPU), np.arange(len(tiles)), PREPARE)


def test_arrays_images_and_paths_give_the_same(folder, tmp_path):
    model = hb.load_model(folder.run("lenet", 0, 0).path, device="cpu")
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, tile in zip(paths, TILES, strict=True):
        Image.fromarray(tile).save(path)
    expected = logits_of(model.networks[0], TILES)
    mixed = [paths[0], Image.fromarray(TILES[1]), TILES[2]]
    for images in (TILES, list(TILES), iter(TILES), paths, mixed):
        np.testing.assert_allclose(model.predict(images).logits, expected, rtol=0, atol=1e-6)
    for image in (TILES[0], Image.fromarray(TILES[0]), paths[0], str(paths[0])):
        assert model.predict(image).logits.tolist() == pytest.approx(expected[:1].tolist())
    assert model.predict(mixed).names == (str(paths[0]), "1", "2")


def test_other_modes_and_sizes_are_read_as_in_training(folder):
    model = hb.load_model(folder.run("lenet", 0, 0).path, device="cpu")
    large = Image.fromarray(TILES[0]).resize((150, 90))
    seen = np.asarray(large.resize((64, 64), Image.Resampling.BILINEAR))
    clear = large.convert("RGBA")
    expected = logits_of(model.networks[0], seen[None])
    for image in (large, clear, np.asarray(large)):
        np.testing.assert_allclose(model.predict(image).logits, expected, atol=1e-6)


def test_a_run_has_its_threshold_and_its_calibration(folder):
    found = hb.load_model(folder.run("lenet", 1, 0).path).predict(TILES)
    assert found.threshold == pytest.approx(1 / (1 + np.exp(-0.3)))
    np.testing.assert_array_equal(found.positive, found.logits > 0.3)
    np.testing.assert_allclose(found.probabilities, 1 / (1 + np.exp(-found.logits)))
    np.testing.assert_allclose(found.calibrated, 1 / (1 + np.exp(-2 * found.logits - 0.5)))
    table = found.to_polars()
    assert table.columns == ["name", "logit", "probability", "call", "calibrated"]
    assert table["call"].to_list() == ["positive" if p else "negative" for p in found.positive]


def test_a_comparison_is_the_ensemble_of_a_model_s_runs(folder):
    both = hb.load_model(folder.path, network="lenet")
    assert (both.name, both.runs, both.size, both.endpoint) == ("lenet", 2, 64, "2+")
    found = both.predict(TILES)
    each = [hb.load_model(folder.run("lenet", s, 0).path).predict(TILES).logits for s in (0, 1)]
    np.testing.assert_allclose(found.logits, np.mean(each, axis=0))
    assert found.threshold == pytest.approx(1 / (1 + np.exp(0.1)))
    np.testing.assert_allclose(found.calibrated, 1 / (1 + np.exp(-1.5 * found.logits - 0.5)))
    assert hb.load_model(folder.path, network="alexnet").predict(TILES).calibrated is None
    with pytest.raises(hb.UserError, match="2 networks\n  expected: one of alexnet, lenet"):
        hb.load_model(folder.path)
    with pytest.raises(hb.UserError, match=r"no network 'lenett'(.|\n)*did you mean 'lenet'"):
        hb.load_model(folder.path, network="lenett")


def test_maps_are_those_of_grad_cam(folder):
    model = hb.load_model(folder.run("lenet", 0, 0).path, device="cpu")
    maps = model.explain(TILES)
    assert maps.shape == (3, 64, 64) and maps.dtype == np.float32
    coarse = normalised(gradcam(model.networks[0], TILES, PREPARE, CPU))
    np.testing.assert_allclose(maps, enlarged(coarse, 64, 64), atol=1e-6)
    mean = hb.load_model(folder.path, network="lenet").explain(TILES)
    assert mean.shape == (3, 64, 64) and mean.min() >= 0 and mean.max() <= 1


def test_a_network_of_the_four_scores_gives_the_probability_of_each(tmp_path):
    run = RunFolder(tmp_path / "best")
    about = ModelMetadata("lenet", 64, PREPARE, 0.0, "score")
    save_trained(OrdinalNetwork(build_model("lenet", 64)), about, run.weights)
    run.mark_done({"threshold": 0.0, "parameters": 1})
    model = hb.load_model(run.path)
    table = model.predict(TILES).to_polars()
    scores = table.select("p0", "p1", "p2", "p3").to_numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    np.testing.assert_allclose(scores[:, 2:].sum(axis=1), table["probability"])
    assert (model.name, model.endpoint) == ("lenet", "score") and len(model.networks) == 1


def test_no_images_give_an_empty_table(folder):
    model = hb.load_model(folder.run("lenet", 0, 0).path)
    assert model.predict([]).to_polars().schema["name"] == pl.String
    assert len(model.predict([])) == 0 and model.explain([]).shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((2, 8, 8, 3)), r"image 0: float64 \(8, 8, 3\)"),
        (np.zeros((8, 8), np.uint8), r"uint8 \(8, 8\)"),
        (np.zeros((8, 8, 4), np.uint8), "leave out an alpha channel"),
        (np.zeros((3, 9, 9), np.uint8), r"an array \(3, 9, 9\)"),
        (np.zeros((8, 3000, 3), np.uint8), "at most 2048 pixels per side"),
        (np.zeros((0, 8, 3), np.uint8), r"an array \(0, 8, 3\)"),
        ([Image.new("RGB", (8, 8)), 3], "image 1: int"),
        (Image.new("F", (8, 8), 300), "image 0: floating-point values"),
        ("missing.png", "missing.png"),
    ],
)
def test_what_is_no_tile_is_refused(folder, image, words):
    model = hb.load_model(folder.run("lenet", 0, 0).path)
    with pytest.raises(hb.UserError, match=words):
        model.predict(image)


def test_what_is_no_network_is_refused(folder, tmp_path):
    with pytest.raises(hb.UserError, match="no finished run of a network"):
        hb.load_model(folder.run("dab_baseline", 0, 0).path)
    empty = ComparisonFolder(tmp_path)
    empty.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    with pytest.raises(hb.UserError, match="no finished run of a network"):
        hb.load_model(tmp_path)

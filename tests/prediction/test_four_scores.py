"""An ordinal network in prediction: four probabilities beside the logit of 2+ or more."""

import numpy as np
import pytest
import torch
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.runs import ComparisonFolder
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import build_model
from her2bench.prediction.ensemble import Networks, ensemble_prediction, ensembles
from her2bench.prediction.forward import forward
from her2bench.prediction.four_scores import score_columns, score_probabilities
from her2bench.prediction.gradcam import gradcam
from her2bench.prediction.inputs import find_images
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, load_trained, save_trained

CPU = torch.device("cpu")
PLAIN = Normalization()
TILES = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
THRESHOLDS = ((-1.0, 0.02, 0.5), (-3.0, -0.1, 2.0))


@pytest.fixture
def folder(tmp_path) -> ComparisonFolder:
    """Two seeds of an ordinal LeNet."""
    made = ComparisonFolder(tmp_path / "out")
    for seed, thresholds in enumerate(THRESHOLDS):
        torch.manual_seed(seed)
        run = made.run("lenet", seed, 0)
        model = OrdinalNetwork(build_model("lenet", 64), thresholds)
        save_trained(model, ModelMetadata("lenet", 64, PLAIN, 0.01, "score"), run.weights)
        run.mark_done({})
    return made


def outputs(model):
    return forward(model, TileLoader(TILES, CPU), np.arange(len(TILES)), PLAIN)


def test_probabilities_are_the_steps_between_the_cuts():
    cuts = np.sort(np.random.default_rng(1).normal(0, 3, (50, 3)), axis=1)[:, ::-1]
    above = 1 / (1 + np.exp(-cuts))
    whole = np.hstack([np.ones((50, 1)), above, np.zeros((50, 1))])
    np.testing.assert_allclose(score_probabilities(cuts), -np.diff(whole, axis=1), atol=1e-14)
    np.testing.assert_allclose(score_probabilities(cuts).sum(1), 1, atol=1e-14)


def test_small_probabilities_are_not_lost_in_rounding():
    found = score_probabilities(np.array([[50.0, 45.0, 40.0], [-40.0, -45.0, -50.0]]))
    expected = [np.exp(-50), np.exp(-45) - np.exp(-50), np.exp(-40) - np.exp(-45), 1.0]
    np.testing.assert_allclose(found, [expected, expected[::-1]], rtol=1e-10)


def test_weights_on_disk_know_their_thresholds(folder):
    model, about = load_trained(folder.run("lenet", 1, 0), CPU)
    assert isinstance(model, OrdinalNetwork) and about.endpoint == "score"
    torch.manual_seed(1)
    made = OrdinalNetwork(build_model("lenet", 64), THRESHOLDS[1])
    np.testing.assert_array_equal(outputs(model), outputs(made))
    ours, theirs = (score_columns([each], np.zeros(1)) for each in (model, made))
    assert {name: ours[name].tolist() for name in ours} == {
        k: v.tolist() for k, v in theirs.items()
    }


def test_files_get_four_probabilities_and_the_call_of_2_or_more(folder, tmp_path):
    (tmp_path / "tiles").mkdir()
    for i, tile in enumerate(TILES):
        Image.fromarray(tile).save(tmp_path / "tiles" / f"{i}.png")
    run = folder.run("lenet", 0, 0)
    table, _ = predict_tiles(run, find_images([tmp_path / "tiles"]), CPU)
    assert table.columns == ["path", "logit", "probability", "call", *SCORE_COLUMNS]
    p = table.select(SCORE_COLUMNS).to_numpy()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(p[:, 2] + p[:, 3], table["probability"], atol=1e-12)
    np.testing.assert_allclose(p[:, 1:].sum(1), 1 / (1 + np.exp(-(table["logit"] + 1.02))))
    positive = table["logit"].to_numpy() > 0.01
    assert table["call"].to_list() == ["positive" if each else "negative" for each in positive]


def test_weights_that_give_no_number_are_refused(folder, tmp_path):
    run = folder.run("lenet", 0, 0)
    model, about = load_trained(run, CPU)
    torch.nn.init.constant_(model.middle, torch.nan)
    save_trained(model, about, run.weights)
    run.mark_done({})
    Image.fromarray(TILES[0]).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"model\.safetensors.*no finite logit for 1 tile"):
        predict_tiles(run, [tmp_path / "a.png"], CPU)


def test_an_ensemble_averages_the_logits_of_2_or_more(folder):
    (ensemble,) = ensembles(folder, {})
    networks = Networks(CPU)
    said = ensemble_prediction(ensemble, TILES, networks)
    each = [outputs(networks.read(member.run)[0]) for member in ensemble.members]
    np.testing.assert_allclose(said.logits, np.mean(each, axis=0))


def test_the_map_explains_the_logit_of_2_or_more():
    network = build_model("lenet", 64)
    of_scores = gradcam(OrdinalNetwork(network, THRESHOLDS[0]), TILES, PLAIN, CPU)
    np.testing.assert_allclose(of_scores, gradcam(network, TILES, PLAIN, CPU), rtol=1e-5)

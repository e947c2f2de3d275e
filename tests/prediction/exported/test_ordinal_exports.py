"""Networks of the four scores in each format: each score's probability, as the run gives it."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import her2bench as hb
from her2bench.core.run_folder import RunFolder
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import build_model
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.prediction.training_scale import TrainingScale

from .conftest import PREPARE, SIZE

TOLERANCE = 1e-4
SCORES = ["0", "1+", "2+", "3+"]


@pytest.fixture(scope="module")
def ordinal(tmp_path_factory) -> RunFolder:
    """A finished run of an ordinal LeNet, whose tiles are spread over the four scores."""
    run = RunFolder(tmp_path_factory.mktemp("ordinal") / "run")
    run.path.mkdir()
    torch.manual_seed(0)
    network = OrdinalNetwork(build_model("lenet", SIZE), (-0.4, 0.1, 0.5))
    scale = TrainingScale(96, 0.5)
    about = ModelMetadata("lenet", SIZE, PREPARE, 0.2, "score", scale=scale)
    save_trained(network, about, run.weights)
    run.mark_done({"threshold": 0.2})
    return run


def expected(run: RunFolder, tiles: np.ndarray) -> np.ndarray:
    return np.stack(list(hb.load_model(run.path).predict(tiles).scores.values()), axis=1)


def channels_first(tiles: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))


def loaded(path: Path):
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.load(path) if path.suffix == ".pt" else torch.export.load(path).module()


@pytest.mark.parametrize("kind", ["torchscript", pytest.param("pt2", marks=pytest.mark.slow)])
def test_programs_give_the_probability_of_each_score(kind, ordinal, tiles, tmp_path):
    (made,) = hb.export(ordinal.path, tmp_path, kind)
    assert made.difference <= TOLERANCE
    outputs = loaded(made.path)(torch.from_numpy(channels_first(tiles)))
    probability, logit, scores = (each.detach().numpy() for each in outputs)
    wanted = expected(ordinal, tiles)
    np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    np.testing.assert_allclose(probability, wanted[:, 2:].sum(1), atol=TOLERANCE)
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), probability, atol=TOLERANCE)


@pytest.mark.slow
def test_onnx_comes_back_with_the_probability_of_each_score(ordinal, tiles, tmp_path):
    ort = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    (made,) = hb.export(ordinal.path, tmp_path, "onnx")
    session = ort.InferenceSession(made.path.read_bytes(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"tiles": channels_first(tiles)})
    wanted = expected(ordinal, tiles)
    np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    np.testing.assert_allclose(expected(RunFolder(made.path), tiles), wanted, atol=TOLERANCE)
    texts = session.get_modelmeta().custom_metadata_map
    assert json.loads(texts["class_names"]) == SCORES
    low, middle, high = json.loads(texts["cut_distances"])
    assert (low, middle, high) == pytest.approx((0.5, 0.0, -0.4), abs=1e-5)


def test_wsinfer_gets_four_classes(ordinal, tiles, tmp_path):
    (made,) = hb.export(ordinal.path, tmp_path, "wsinfer")
    config = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert (config["num_classes"], config["class_names"]) == (4, SCORES)
    assert config["spacing_um_px"] == 0.75  # the run knows its training tiles
    with torch.inference_mode():
        logits = loaded(made.path / "torchscript_model.pt")(PREPARE(torch.from_numpy(tiles)))
    np.testing.assert_allclose(logits.softmax(1), expected(ordinal, tiles), atol=TOLERANCE)

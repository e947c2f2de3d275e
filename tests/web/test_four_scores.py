"""A comparison of the four scores: the probability of each in the answers and on the page."""

from pathlib import Path

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import SCORES
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import build_model
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.predictor import opened_predictor
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.web.app import create_app
from her2bench.web.service import opened_service

from .conftest import ORIGIN, SIZE, tile_path, write_tiles
from .test_app import post

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ordinal(tmp_path_factory) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path_factory.mktemp("ordinal"))
    made.config.write_text('endpoint = "score"\n', encoding="utf-8")
    write_tiles(made, slides=4)
    for seed, thresholds in enumerate(((-0.4, 0.1, 0.5), (-1.0, 0.0, 1.0))):
        torch.manual_seed(seed)
        run = made.run("lenet", seed, 0)
        network = OrdinalNetwork(build_model("lenet", SIZE), thresholds)
        about = ModelMetadata("lenet", SIZE, Normalization(), 0.0, "score")
        save_trained(network, about, run.weights)
        run.mark_done({"threshold": 0.0})
    return made


def test_an_answer_has_the_probabilities_that_predict_writes(ordinal):
    service = opened_service(ordinal, CPU)
    assert service is not None
    client = TestClient(create_app(ordinal, service), base_url=ORIGIN)
    tile: Path = tile_path(ordinal)
    (answer,) = post(client, ("a.jpg", tile.read_bytes())).json()["tiles"]
    (said,) = answer["models"]
    table, _ = predict_tiles(opened_predictor(ordinal.path, CPU), [tile], CPU)
    assert list(said["scores"]) == list(SCORES)
    expected = table.select(SCORE_COLUMNS).row(0)
    np.testing.assert_allclose(list(said["scores"].values()), expected, atol=1e-5)
    assert sum(said["scores"].values()) == pytest.approx(1)
    assert "Scores 0 to 3+" in client.get("/try").text
    service.close()


def test_binary_networks_have_none(client, tile):
    (answer,) = post(client, ("a.jpg", tile)).json()["tiles"]
    assert [said["scores"] for said in answer["models"]] == [None, None]
    assert "Scores 0 to 3+" not in client.get("/try").text

"""Several runs as one: means of logits and thresholds, one scale for probability and threshold."""

import numpy as np
import pytest
import torch

from her2bench.core.runs import ComparisonFolder
from her2bench.models.registry import build_model
from her2bench.prediction.ensemble import Networks, agreement, ensemble_prediction, ensembles
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

CPU = torch.device("cpu")
TILES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path)
    for seed, threshold in ((0, -0.5), (1, 0.3)):
        torch.manual_seed(seed)
        run = made.run("lenet", seed, 0)
        description = ModelMetadata("lenet", 64, Normalization(), threshold, "2+")
        save_trained(build_model("lenet", 64), description, run.weights)
        run.mark_done({})
    made.run("dab_baseline", 0, 0).mark_done({})
    unfinished = made.run("lenet", 2, 0).weights
    unfinished.parent.mkdir(parents=True)
    unfinished.write_bytes(made.run("lenet", 0, 0).weights.read_bytes())
    return made


def test_finished_networks_only(folder):
    (found,) = ensembles(folder, {})
    assert found.model == "lenet" and [m.seed for m in found.members] == [0, 1]
    assert found.scaling is None


def test_logits_and_thresholds_are_means_over_the_runs(folder):
    (ensemble,) = ensembles(folder, {})
    networks = Networks(CPU)
    said = ensemble_prediction(ensemble, TILES, networks)
    rows = np.arange(3)
    each = [
        forward(networks.read(m.run)[0], TileLoader(TILES, CPU), rows, Normalization())
        for m in ensemble.members
    ]
    np.testing.assert_allclose(said.logits, np.mean(each, axis=0))
    assert said.threshold == pytest.approx(-0.1) and not said.calibrated
    np.testing.assert_allclose(said.probabilities, probabilities(said.logits))
    np.testing.assert_array_equal(said.positive, said.logits > -0.1)
    assert said.maps.max(axis=(1, 2)) == pytest.approx(1) and said.maps.min() >= 0


def test_probability_lies_above_the_cut_exactly_where_the_call_is_positive(folder):
    scalings = {("lenet", 0, 0): (4.0, 1.0), ("lenet", 1, 0): (2.0, -2.0)}
    (ensemble,) = ensembles(folder, scalings)
    assert ensemble.scaling == (3.0, -0.5)
    said = ensemble_prediction(ensemble, TILES, Networks(CPU))
    assert said.calibrated
    np.testing.assert_allclose(said.probabilities, probabilities(3 * said.logits - 0.5))
    np.testing.assert_array_equal(said.probabilities > said.cut, said.positive)


def test_a_scaling_that_one_run_lacks_is_not_used(folder):
    (ensemble,) = ensembles(folder, {("lenet", 0, 0): (4.0, 1.0)})
    assert ensemble.scaling is None


def test_networks_beyond_the_room_are_read_again(folder):
    (ensemble,) = ensembles(folder, {})
    first = ensemble.members[0].run
    plenty, none = Networks(CPU), Networks(CPU, keep_bytes=0)
    assert plenty.read(first)[0] is plenty.read(first)[0]
    assert none.read(first)[0] is not none.read(first)[0]
    np.testing.assert_array_equal(
        ensemble_prediction(ensemble, TILES, plenty).logits,
        ensemble_prediction(ensemble, TILES, none).logits,
    )


def test_agreement_is_of_all(folder):
    (ensemble,) = ensembles(folder, {})
    said = ensemble_prediction(ensemble, TILES, Networks(CPU))
    assert agreement([said]).all() and agreement([said, said]).all()
    turned = type(said)(
        -said.logits, -said.threshold, said.probabilities, said.cut, False, said.maps
    )
    assert not agreement([said, turned, said]).any()

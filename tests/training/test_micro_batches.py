"""No room for a batch on a device: fewer tiles at a time, and the same weights to rounding."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import SILENT
from her2bench.training.loop import fit
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE = 16


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    targets = np.arange(40) % 3 == 0
    pixels = rng.integers(0, 200, (40, SIZE, SIZE, 3), dtype=np.uint8)
    pixels[targets, :, :, 0] += 50
    tiles = TileLoader(pixels, torch.device("cpu"))
    return Side(tiles, np.arange(30), targets[:30]), Side(tiles, np.arange(30, 40), targets[30:])


def network(*more):
    torch.manual_seed(0)
    head = nn.Flatten(), nn.Linear(8 * 16, 1), nn.Flatten(0)
    return nn.Sequential(nn.Conv2d(3, 8, 5, 2), *more, nn.ReLU(), nn.AdaptiveAvgPool2d(4), *head)


def little_room(model, tiles):
    """A device with room for so many tiles, and for none of the network's passes with more."""
    passes = []

    def refuse(_, given):
        passes.append(len(given[0]))
        if len(given[0]) > tiles:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    model.register_forward_pre_hook(refuse)
    return passes


def train(model, sides, folder, **more):
    recipe = Recipe(epochs=3, batch=8, augment=("flip", "rotate"), **more)
    plan = FitConfig(recipe, 1e-2, 2.0, Normalization(), seed=(0, 0), network="mine")
    fabric = Fabric(accelerator="cpu", devices=1)
    return fit(fabric, model, *sides, plan, Checkpoint(folder), SILENT)


@pytest.mark.parametrize(
    "more",
    [
        {"optimiser": "sgd"},
        {"optimiser": "sgd", "clip": 0.05, "label_smoothing": 0.1, "loss": "logit-adjusted"},
    ],
    ids=["plain", "clipped"],
)
def test_the_same_weights_with_little_room(sides, tmp_path, caplog, more):
    whole, split = network(), network()
    expected = train(whole, sides, tmp_path / "whole", **more)
    assert expected.micro_batch == 0 and not caplog.text
    passes = little_room(split, 3)
    fitted = train(split, sides, tmp_path / "split", **more)
    assert fitted.micro_batch == 2
    for name, weight in whole.state_dict().items():
        assert torch.allclose(split.state_dict()[name], weight, rtol=1e-5, atol=1e-6), name
    for row, other in zip(expected.epochs, fitted.epochs, strict=True):
        assert other["train_loss"] == pytest.approx(row["train_loss"], rel=1e-5)
        assert other["val_loss"] == pytest.approx(row["val_loss"], rel=1e-5)
    assert caplog.text.count("no room on the device") == 2  # for 8, and for 4; then it is known
    assert "in training mine: from here 2 at a time" in caplog.text
    assert passes[:2] == [8, 4] and set(passes[2:6]) == {2}


def test_smaller_batches_give_other_weights(sides, tmp_path):
    """So the test above would see it if the passes were steps of their own."""
    whole, smaller = network(), network()
    train(whole, sides, tmp_path / "whole")
    recipe = Recipe(epochs=3, batch=2, augment=("flip", "rotate"))
    plan = FitConfig(recipe, 1e-2, 2.0, Normalization(), seed=(0, 0))
    fabric = Fabric(accelerator="cpu", devices=1)
    fit(fabric, smaller, *sides, plan, Checkpoint(tmp_path / "smaller"), SILENT)
    assert not torch.allclose(whole[0].weight, smaller[0].weight, rtol=1e-3)


def test_batch_normalisation_is_not_split(sides, tmp_path, caplog):
    model = network(nn.BatchNorm2d(8))
    passes = little_room(model, 3)
    with pytest.raises(torch.OutOfMemoryError):
        train(model, sides, tmp_path)
    assert passes == [8] and "at a time" not in caplog.text


def test_no_room_for_a_single_tile_is_an_error(sides, tmp_path):
    model = network()
    passes = little_room(model, 0)
    with pytest.raises(torch.OutOfMemoryError):
        train(model, sides, tmp_path)
    assert passes == [8, 4, 2, 1]


def test_prediction_goes_on_with_fewer_tiles(sides):
    model = network()
    rows = np.arange(40)
    expected = forward(model, sides[0].tiles, rows, Normalization())
    passes = little_room(model, 5)
    assert np.allclose(forward(model, sides[0].tiles, rows, Normalization()), expected, atol=1e-6)
    assert passes[:4] == [32, 16, 8, 4] and set(passes[4:]) == {4}

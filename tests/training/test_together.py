"""Several seeds trained at once: each comes to what it comes to alone."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.core.vocabulary import NETWORKS
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Preparation
from her2bench.prediction.tile_loader import Feed
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Course, Plan, Side, fit
from her2bench.training.recipe import Recipe
from her2bench.training.together import Stack, can_be_stacked, fit_together

SIZE = 64
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def sides():
    """42 tiles to learn from, 18 to validate; some of both are noise, so that they overfit."""
    rng = np.random.default_rng(0)
    targets = np.arange(60) % 2
    pixels = rng.integers(0, 200, (60, SIZE, SIZE, 3), dtype=np.uint8)
    pixels[targets == 1, :, :, 0] += 50
    pixels[rng.permutation(60)[:12]] = rng.integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)
    tiles = Feed(pixels, torch.device("cpu"))
    return Side(tiles, np.arange(42), targets[:42]), Side(tiles, np.arange(42, 60), targets[42:])


@pytest.fixture
def train(sides, tmp_path):
    """Train the seeds at once or one by one; returns their fits and validation logits."""

    def train(at_once, precision, compute=PLAIN):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        folders = [tmp_path / f"{at_once}-{seed}" for seed in SEEDS]
        courses = [_course(s, precision, compute, f) for s, f in zip(SEEDS, folders, strict=True)]
        if at_once:
            fits = fit_together(fabric, courses, *sides)
        else:
            fits = [fit(fabric, c.model, *sides, c.plan, c.checkpoint, c.on_epoch) for c in courses]
        rows = sides[1].rows
        models = [fabric.setup(course.model) for course in courses]
        prepare = courses[0].plan.prepare
        return fits, np.array([forward(m, sides[1].tiles, rows, prepare, compute) for m in models])

    return train


def _course(seed, precision, compute, folder):
    recipe = Recipe(epochs=5, batch=8, augment=("flip", "rotate"))
    prepare = Preparation((0.4, 0.4, 0.4), (0.25, 0.25, 0.25))
    torch.manual_seed(seed)
    model = build_model("lenet", SIZE)
    if precision == "64-true":
        model.double()
    plan = Plan(recipe, 1e-3, 1.5, prepare, (seed, 0), compute)
    return Course(model, plan, Checkpoint(folder), lambda row: None)


def _losses(fits):
    return np.array([[(r["train_loss"], r["val_loss"]) for r in fitted.epochs] for fitted in fits])


@pytest.mark.parametrize(
    "compute", [PLAIN, Compute(channels_last=True, piece=3, narrow=True)], ids=str
)
def test_in_float64_each_seed_is_the_same_at_once_and_alone(train, compute):
    """Training amplifies rounding; in float64 nothing else can hide in what is left of it.

    Losses and logits are reported in float32: 1e-6 is some units of its last place.
    """
    (together, logits), (alone, expected) = (
        train(way, "64-true", compute) for way in (True, False)
    )
    assert [f.epoch for f in together] == [f.epoch for f in alone]
    assert len({f.epoch for f in alone}) > 1  # each its own
    np.testing.assert_allclose(_losses(together), _losses(alone), rtol=1e-6)
    np.testing.assert_allclose(logits, expected, rtol=1e-6, atol=1e-6)
    assert np.ptp(_losses(alone), axis=0).min() > 0.01  # the seeds are far from each other
    assert [f.together for f in together] == [3] * 3


def test_in_float32_it_is_the_same_to_rounding(train):
    """A convolution's sums run in another order; Adam divides by gradients that may be tiny.

    So rounding shows after an epoch at 1e-6 and after 30 steps at learning rate 1e-3 at 1e-3.
    """
    (together, logits), (alone, expected) = (train(way, "32-true") for way in (True, False))
    np.testing.assert_allclose(_losses(together)[:, 0], _losses(alone)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(_losses(together), _losses(alone), rtol=2e-2)
    np.testing.assert_allclose(logits, expected, rtol=2e-2, atol=5e-2)


def test_in_mixed_precision_it_differs_by_the_lower_precision():
    """Against autocast alone; bfloat16 has 8 bits, and logits are sums over five layers."""
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    torch.manual_seed(0)
    models = [build_model("lenet", SIZE) for _ in SEEDS]
    tiles = torch.rand(len(SEEDS) * 4, 3, SIZE, SIZE)
    with torch.no_grad():
        alone = [fabric.setup(model)(tiles[4 * i :][:4]) for i, model in enumerate(models)]
        exact = torch.cat([model(tiles[4 * i :][:4]) for i, model in enumerate(models)])
        together = fabric.setup(Stack(models))(tiles)
    error = float((torch.cat(alone) - exact).abs().max())
    assert together.dtype == torch.float32
    assert 0 < float((together - exact).abs().max()) < 4 * error


def test_the_networks_see_what_the_stack_learns():
    models = [build_model("lenet", SIZE) for _ in SEEDS]
    tiles = torch.rand(len(SEEDS) * 2, 3, SIZE, SIZE)
    stack = Stack(models)
    with torch.no_grad():
        for weight in stack.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
        alone = torch.cat([model(tiles[2 * i :][:2]) for i, model in enumerate(models)])
        torch.testing.assert_close(stack(tiles), alone)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_with_dropout_are_trained_one_by_one(name):
    assert can_be_stacked(build_model(name, SIZE), "bf16-mixed") == (name == "lenet")


def test_what_decides_whether_networks_can_be_stacked():
    assert can_be_stacked(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0)), "32-true")
    assert not can_be_stacked(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)), "32-true")
    assert not can_be_stacked(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), "32-true")
    normalised = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))  # autocast computes it in float32
    assert can_be_stacked(normalised, "32-true")
    assert not can_be_stacked(normalised, "bf16-mixed")

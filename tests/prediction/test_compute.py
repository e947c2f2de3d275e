"""However a network is computed and fed, it learns and says the same, to rounding."""

import threading

import numpy as np
import pytest
import torch

from her2bench.core.vocabulary import NETWORKS
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader

CPU = torch.device("cpu")
WAYS = [Compute(True), Compute(piece=3), Compute(True, 3)]
TOLERANCE = 1e-4  # of float32 logits: sums run in another order
# Gradients are compared in float64: in float32 rounding alone may move a maximum or pass a ReLU.
EXACT = 1e-10


@pytest.fixture
def pixels():
    return np.random.default_rng(1).integers(0, 256, (7, 64, 64, 3), dtype=np.uint8)


def learnt(name, pixels, compute, dtype=torch.float32):
    """Logits and gradients of one step in training mode, dropout and all."""
    torch.manual_seed(0)
    model = build_model(name, 64).train().to(dtype)
    compute.set_on(model)
    tiles = Normalization((0.7, 0.6, 0.5), (0.2, 0.2, 0.3))(torch.from_numpy(pixels)).to(dtype)
    torch.manual_seed(1)
    logits = model(compute.laid_out(tiles))
    aims = torch.ones(7, dtype=dtype)
    torch.nn.functional.binary_cross_entropy_with_logits(logits, aims).backward()
    return logits.detach(), [p.grad for p in model.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_way_of_computing_learns_the_same(name, pixels):
    logits, _ = learnt(name, pixels, PLAIN)
    _, gradients = learnt(name, pixels, PLAIN, torch.float64)
    for compute in WAYS:
        others, _ = learnt(name, pixels, compute)
        torch.testing.assert_close(others, logits, rtol=TOLERANCE, atol=1e-6)
        _, other_gradients = learnt(name, pixels, compute, torch.float64)
        for one, other in zip(gradients, other_gradients, strict=True):
            assert float((one - other).norm()) <= EXACT * float(one.norm())


@pytest.mark.parametrize("compute", [PLAIN, *WAYS], ids=str)
def test_the_forward_loop_keeps_the_rows_order(pixels, compute):
    model = build_model("lenet", 64)
    compute.set_on(model)
    rows = np.array([6, 0, 3, 2, 5])
    found = forward(model, TileLoader(pixels, CPU), rows, Normalization(), compute)
    with torch.no_grad():
        each = [float(model(torch.from_numpy(pixels[[r]]).permute(0, 3, 1, 2) / 255)) for r in rows]
    np.testing.assert_allclose(found, each, atol=1e-6)


def test_no_tiles_give_no_logits(pixels):
    model = build_model("lenet", 64)
    assert len(forward(model, TileLoader(pixels, CPU), np.array([], int), Normalization())) == 0


def test_a_feed_gives_each_part_in_order(pixels):
    parts = [np.array([3, 1]), np.array([0]), np.array([6, 5, 4])]
    for part, tiles in zip(parts, TileLoader(pixels, CPU).batches(parts), strict=True):
        assert np.array_equal(tiles.numpy(), pixels[part])


def test_a_feed_that_is_left_half_way_stops_reading(pixels):
    feed, read = TileLoader(pixels, CPU), []
    feed._read = lambda part: read.append(part) or torch.from_numpy(pixels[part])
    threads = set(threading.enumerate())
    batches = feed.batches([np.array([i]) for i in range(7)])
    next(batches)
    batches.close()
    assert set(threading.enumerate()) <= threads
    assert len(read) <= 2

"""A tile has one probability, wherever it is asked for: for every network, ours and of timm."""

import asyncio
import io

import numpy as np
import pytest
import torch
from PIL import Image

import her2bench as hb
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.registry import use_model
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import load_trained

from .conftest import PREPARE, write_run
from .test_formats import answers

pytest.importorskip("onnxruntime", reason="the extra export is not installed")
CPU = torch.device("cpu")
SAME, ROUNDED = 1e-5, 1e-4
TIMM = ("timm:test_resnet", "timm:test_vit", "timm:test_convnext")
"""timm's own networks for tests: small ones of three families."""


@pytest.fixture(autouse=True)
def unchanged():
    """What a test registers is forgotten after it."""
    for name in registry.OURS:
        registry.network(name)  # registers itself once, when it is imported
    kept = (NETWORKS, registry._REGISTERED)
    before = [dict(each) for each in kept]
    yield
    for each, was in zip(kept, before, strict=True):
        each.clear()
        each.update(was)


@pytest.fixture
def place(tmp_path, request):
    """A finished run of a network in a comparison, and four tiles as files."""
    name = use_model(request.param)
    folder = ComparisonFolder(tmp_path / "out")
    folder.path.mkdir()
    folder.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    run = write_run(folder, name)
    tiles = np.random.default_rng(7).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, tile in zip(paths, tiles, strict=True):
        Image.fromarray(tile).save(path)
    network, _ = load_trained(run, CPU)
    logits = forward(network, TileLoader(tiles, CPU), np.arange(4), PREPARE)
    return folder, run, tiles, paths, probabilities(logits)


def served(folder, tiles):
    """The probabilities that the server gives for the files of some tiles."""
    from her2bench.web.service import opened_service
    from her2bench.web.uploads import Upload

    service = opened_service(folder, CPU)
    assert service is not None

    async def uploads():
        for i, tile in enumerate(tiles):
            stream = io.BytesIO()
            Image.fromarray(tile).save(stream, "PNG")
            yield Upload(f"{i}.png", stream.getvalue())

    async def asked():
        return [answer async for answer in service.answers(uploads(), pictures=False)]

    found = asyncio.run(asked())
    service.close()
    return [answer.models[0].probability for answer in found]


@pytest.mark.slow
@pytest.mark.parametrize("place", [*NETWORKS, *TIMM], indirect=True)
def test_a_tile_has_one_probability(place):
    folder, run, tiles, paths, expected = place
    assert np.ptp(expected) > 100 * SAME, "the tiles can be distinguished"
    model = hb.load_model(run.path, device="cpu")
    found = {
        "predict": predict_tiles(run, paths, CPU)[0]["probability"],
        "arrays": model.predict(tiles).probabilities,
        "paths": model.predict(paths).probabilities,
        "serve": served(folder, tiles),
    }
    for way, values in found.items():
        np.testing.assert_allclose(values, expected, rtol=0, atol=SAME, err_msg=way)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
@pytest.mark.parametrize("place", [*NETWORKS, *TIMM], indirect=True)
def test_an_exported_file_gives_the_probability_of_the_run(place, kind, tmp_path):
    _, run, tiles, paths, expected = place
    (made,) = hb.export(run.path, tmp_path / "made", kind)
    answer = answers(made.path)
    for part in (slice(4), slice(1), slice(1, 4)):
        np.testing.assert_allclose(answer(tiles[part]), expected[part], rtol=0, atol=ROUNDED)
    if kind == "onnx":
        table, _ = predict_tiles(type(run)(made.path), paths, CPU)
        np.testing.assert_allclose(table["probability"], expected, rtol=0, atol=ROUNDED)

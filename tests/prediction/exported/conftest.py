"""A comparison folder with finished runs of small random networks, and tiles."""

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from her2bench.core.runs import ComparisonFolder
from her2bench.models.head import head_of
from her2bench.models.registry import build_model, network
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

SIZE = 64
PREPARE = Normalization((0.73, 0.7, 0.68), (0.14, 0.15, 0.17))


def write_run(folder, name="lenet", seed=0, size=SIZE, **more):
    """A finished run with random weights, whose logits differ by about 1; returns its folder."""
    torch.manual_seed(seed)
    run = folder.run(name, seed, 0)
    about = ModelMetadata(name, size, PREPARE, 0.25, "2+", source=network(name).source, **more)
    model = build_model(name, size).eval()
    noise = PREPARE(torch.randint(0, 256, (8, size, size, 3), dtype=torch.uint8))
    with torch.no_grad():  # random weights give all tiles nearly one logit, and any
        head = head_of(model, name)
        head.weight.div_(model(noise).std())
        head.bias.sub_(model(noise).mean())
    save_trained(model, about, run.weights)
    run.mark_done({"threshold": 0.25, "parameters": 1})
    return run


@pytest.fixture(scope="session")
def comparison(tmp_path_factory):
    """A comparison of lenet alone, whose manifest has one 96 px tile at 0.5 µm/pixel."""
    return write_comparison(tmp_path_factory.mktemp("comparison"))


def write_comparison(place):
    folder = ComparisonFolder(place / "out")
    folder.path.mkdir()
    folder.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    tile = np.random.default_rng(5).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(tile).save(place / "tile.png")
    row = {"tile_id": "a", "path": str(place / "tile.png"), "score": 2, "mpp": 0.5}
    pl.DataFrame([row]).write_parquet(folder.manifest)
    write_run(folder)
    return folder


@pytest.fixture(scope="session")
def run(comparison):
    return comparison.run("lenet", 0, 0)


@pytest.fixture
def tiles():
    return np.random.default_rng(1).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)

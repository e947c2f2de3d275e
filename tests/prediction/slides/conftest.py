"""Generated slides, and a run of a small network with random weights in a comparison folder."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from benchmarks.pyramid import pyramid_of
from PIL import Image
from scipy import ndimage

from her2bench.core.manifest import write_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import write_table
from her2bench.models.registry import build_model
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.prediction.training_scale import TrainingScale

WIDTH, HEIGHT, SIDE, SIZE, MPP = 2304, 1536, 128, 64, 0.5
CPU = torch.device("cpu")


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A slide (h, w, 3) of glass with two pieces of tissue, one blue and one brown, and where."""
    rng = np.random.default_rng(seed)
    rough = ndimage.zoom(rng.normal(0, 1, (HEIGHT // 8, WIDTH // 8)), 8, order=1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    blue = (x - 600) ** 2 + (y - 750) ** 2 < 450**2
    brown = (x - 1650) ** 2 + (y - 700) ** 2 < 500**2
    density = np.zeros((HEIGHT, WIDTH, 3))
    density[blue] = (0.20, 0.22, 0.09)
    density[brown] = (0.11, 0.23, 0.31)
    density *= np.clip(1 + 0.5 * rough[..., None], 0.2, None)
    image = 236 * 10**-density + rng.normal(0, 1, density.shape)
    return image.clip(0, 255).astype(np.uint8), blue | brown


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    return drawn()[0]


@pytest.fixture(scope="session")
def slide(tmp_path_factory, image) -> Path:
    """A pyramid of three levels."""
    path = tmp_path_factory.mktemp("slides") / "one.tiff"
    pyramid_of(path, image, 3, MPP)
    return path


@pytest.fixture(scope="session")
def comparison(tmp_path_factory, image) -> ComparisonFolder:
    """With a finished run of LeNet, trained (in name) on tiles of the slide."""
    folder = ComparisonFolder(tmp_path_factory.mktemp("comparison"))
    (folder.path / "tiles").mkdir()
    corners = [(x, y) for x in range(300, 2000, 140) for y in (600, 760)]
    cut = [image[y : y + SIDE, x : x + SIDE] for x, y in corners]
    names = [f"tiles/{number}.png" for number in range(len(cut))]
    for name, tile in zip(names, cut, strict=True):
        Image.fromarray(tile).save(folder.path / name)
    paths = [str(folder.path / name) for name in names]
    table = pl.DataFrame({"tile_id": names, "path": paths}).with_columns(score=0, mpp=MPP)
    write_manifest(table, folder.manifest)
    splits = pl.DataFrame({"tile_id": names}).with_columns(
        group_id=pl.lit("one"), fold=0, split=pl.lit("train"), target=0
    )
    write_table(splits, folder.splits)
    folder.config.write_text('models = ["lenet"]\nseeds = [0, 1]\n', encoding="utf-8")
    for seed in (0, 1):
        run_in(folder, seed, np.stack(cut)[:, ::2, ::2])
    return folder


def run_in(folder: ComparisonFolder, seed: int, tiles: np.ndarray) -> None:
    """A finished run whose threshold is the median logit of the tiles."""
    torch.manual_seed(seed)
    model, prepare = build_model("lenet", SIZE), Normalization((0.7, 0.6, 0.6), (0.05, 0.05, 0.05))
    logits = forward(model, TileLoader(tiles, CPU), np.arange(len(tiles)), prepare)
    run = folder.run("lenet", seed, 0)
    run.path.mkdir(parents=True)
    scale = TrainingScale(SIDE, MPP)
    threshold = float(np.median(logits))
    description = ModelMetadata("lenet", SIZE, prepare, threshold, "2+", scale=scale)
    save_trained(model, description, run.weights)
    run.mark_done({})


@pytest.fixture(scope="session")
def run(comparison) -> Path:
    return comparison.run("lenet", 0, 0).path

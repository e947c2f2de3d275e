"""The study's own loop and ours, on the same tiles: the same networks come out, bit for bit."""

import numpy as np
import polars as pl
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.models.registry import OURS, build_model, use_model
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import SILENT
from her2bench.training.loop import fit, seeded_order
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE, BATCH, EPOCHS, RATE, WEIGHT, SEED = 64, 8, 2, 1e-4, 1.404, (0, 0)
TRAIN, VALIDATION = np.arange(20), np.arange(20, 26)  # the last training batch holds 4


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """The paths of 26 tiles larger than the networks' input, and their targets."""
    folder, rng = tmp_path_factory.mktemp("tiles"), np.random.default_rng(0)
    paths = [folder / f"{i:02}.png" for i in range(26)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)).save(path)
    return paths, (np.arange(26) % 3 > 0).astype(np.float32)


class StudyTiles(torch.utils.data.Dataset):
    """Each tile decoded, resized and scaled to [0, 1] when it is asked for."""

    def __init__(self, paths, targets, rows):
        self.items = [(paths[row], targets[row]) for row in rows]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        path, target = self.items[index]
        with Image.open(path) as image:
            small = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous() / 255, target


def studys_training(name, tiles, order, fused):
    """The network and the losses of each epoch, by the study's protocol in plain PyTorch."""
    network = fresh(name)
    adam = torch.optim.Adam(network.parameters(), lr=RATE, fused=fused)
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHT))
    losses = []
    for epoch in range(EPOCHS):
        rows = TRAIN[order(epoch)]  # seeds the dropout: the loaders draw from another generator
        own, found = torch.Generator(), []
        network.train()
        for images, aims in DataLoader(StudyTiles(*tiles, rows), BATCH, generator=own):
            adam.zero_grad()
            loss = criterion(network(images).view_as(aims), aims)
            loss.backward()
            adam.step()
            found.append(loss.item() * len(aims))
        network.eval()
        with torch.no_grad():
            validation = DataLoader(StudyTiles(*tiles, VALIDATION), BATCH, generator=own)
            checked = [
                criterion(network(images).view_as(aims), aims).item() for images, aims in validation
            ]
        losses.append((sum(found) / len(TRAIN), checked[0]))
    return network, losses


def our_training(name, sides, folder):
    network = fresh(name)
    recipe = Recipe(epochs=EPOCHS, batch=BATCH, keep="last", normalise=False)
    plan = FitConfig(recipe, RATE, WEIGHT, Normalization(), SEED)
    fabric = Fabric(accelerator="cpu", devices=1)
    fitted = fit(fabric, network, *sides, plan, Checkpoint(folder), SILENT)
    return network, [(row["train_loss"], row["val_loss"]) for row in fitted.epochs]


def fresh(name):
    torch.manual_seed(0)
    return build_model(use_model(name), SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OURS, "timm:resnet18"])
def test_training_is_the_studys(name, tiles, tmp_path):
    paths, targets = tiles
    ids = [path.stem for path in paths]
    manifest = pl.DataFrame({"tile_id": ids, "path": [str(path) for path in paths]})
    feed = TileLoader(cached_tiles(manifest, SIZE, tmp_path / "cache").pixels, torch.device("cpu"))
    sides = [Side(feed, rows, targets[rows]) for rows in (TRAIN, VALIDATION)]
    ours, our_losses = our_training(name, sides, tmp_path / "run")

    def order(epoch):
        return seeded_order((*SEED, epoch), sides[0])[0]

    theirs, losses = studys_training(name, tiles, order, fused=True)
    for key, weights in theirs.state_dict().items():
        assert torch.equal(weights, ours.state_dict()[key]), key
    np.testing.assert_allclose(our_losses, losses, rtol=1e-6)
    _, unfused = studys_training(name, tiles, order, fused=False)
    # Another rounding of each step: 8e-7 apart at most on the processors tried.
    np.testing.assert_allclose(our_losses, unfused, rtol=1e-6, atol=1e-6)

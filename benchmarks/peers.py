"""What training speed is measured against: three ways to train the same network on the same tiles.

    python -m benchmarks.peers notebook lenet FOLDER --train 512 --validation 128

prints one JSON line: seconds of each epoch (training and validation), losses, peak memory. Run by
`benchmarks.speed`, each in a process of its own, since what one does to the process would help
the others.

- `notebook`: the study's loop, rewritten: Pillow decodes each tile again in every epoch, in the
  training process; PyTorch as it comes.
- `dataloader`: the same, with a PyTorch DataLoader whose workers decode.
- `limit`: forward, backward and step on batches that lie ready in memory, in the best layout this
  machine's self-test found: what no tool can beat with this network and batch.
- `her2bench`: our own loop, from the tile cache. Its first epoch is timed with and without the
  building of the cache.
"""

import argparse
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from her2bench.core.machine import peak_memory, usable_cores
from her2bench.core.manifest import read_manifest, targets
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.autotune import Trial, chosen_compute
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import Listener
from her2bench.training.loop import fit, seeded_order
from her2bench.training.optimiser import adam
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE, BATCH, RATE, WEIGHT, SEED = 299, 32, 1e-5, 1.404, (0, 0)
CPU = torch.device("cpu")


class Work:
    """The tiles and the order in which all peers take them."""

    def __init__(self, folder: Path, train: int, validation: int) -> None:
        self.folder = folder
        manifest = read_manifest(folder / "manifest.csv")[: train + validation]
        self.manifest, self.paths = manifest, manifest["path"].to_list()
        self.targets = targets(manifest, "2+").to_numpy().astype(np.float32)
        # Tiles of all slides on both sides, and whole batches: every peer does the same work.
        rows = np.random.default_rng(0).permutation(train + validation)
        self.train, self.validation = rows[:train], rows[train:]

    def order(self, epoch: int) -> np.ndarray:
        """The epoch's rows; also seeds PyTorch, so that all peers draw the same dropout."""
        side = Side(TileLoader(np.empty((1, 1, 1, 3), np.uint8), CPU), self.train, self.targets)
        return self.train[seeded_order((*SEED, epoch), side)[0]]


class DecodedTiles(Dataset):
    """Each tile decoded when it is asked for, as the study does."""

    def __init__(self, work: Work, rows: np.ndarray) -> None:
        self.paths = [work.paths[row] for row in rows]
        self.targets = work.targets[rows]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        with Image.open(self.paths[index]) as image:
            small = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        tile = torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous()
        return tile.float().div(255), self.targets[index]


def decoding_epochs(model: nn.Module, work: Work, epochs: int, workers: int) -> Iterator[float]:
    """The study's loop; yields each epoch's mean training loss."""
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHT))
    # Loaders draw a number whenever they start; from PyTorch's own generator it would be taken out
    # of the dropout's.
    load = partial(DataLoader, batch_size=BATCH, num_workers=workers, generator=torch.Generator())
    for epoch in range(epochs):
        rows = work.order(epoch)
        model.train()
        total = 0.0
        for tiles, aims in load(DecodedTiles(work, rows)):
            optimiser.zero_grad()
            loss = criterion(model(tiles), aims)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(aims)
        model.eval()
        with torch.no_grad():
            for tiles, aims in load(DecodedTiles(work, work.validation)):
                criterion(model(tiles), aims).item()
        yield total / len(rows)


def limit_epochs(model: nn.Module, work: Work, epochs: int, compute: Compute) -> Iterator[float]:
    """Nothing but computing, on random tiles in memory; yields each epoch's mean training loss."""
    optimiser = adam(model, RATE, CPU)
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHT))
    tiles = compute.laid_out(torch.rand(BATCH, 3, SIZE, SIZE))
    aims = torch.ones(BATCH)
    for _ in range(epochs):
        total = 0.0
        model.train()
        for _ in range(len(work.train) // BATCH):
            optimiser.zero_grad()
            loss = criterion(model(tiles), aims)
            loss.backward()
            optimiser.step()
            total += loss.item()
        model.eval()
        with torch.inference_mode():
            for _ in range(len(work.validation) // BATCH):
                model(tiles)
        yield total / (len(work.train) // BATCH)


def timed(epochs: Iterator[float]) -> tuple[list[float], list[float]]:
    """Seconds and loss of each epoch."""
    seconds, losses = [], []
    start = time.perf_counter()
    for loss in epochs:
        now = time.perf_counter()
        seconds.append(now - start)
        losses.append(loss)
        start = now
    return seconds, losses


def our_epochs(
    model: nn.Module, work: Work, epochs: int, compute: Compute
) -> tuple[float, list[float], list[float]]:
    """Seconds to have the tiles ready (built, unless cached), and of each epoch; losses."""
    start = time.perf_counter()
    tiles = TileLoader(cached_tiles(work.manifest, SIZE, work.folder / "cache").pixels, CPU)
    ready = time.perf_counter() - start
    aims = work.targets
    marks, losses = [time.perf_counter()], []

    def on_epoch(row: dict[str, float]) -> None:
        marks.append(time.perf_counter())
        losses.append(row["train_loss"])

    recipe = Recipe(epochs=epochs, batch=BATCH, keep="last", normalise=False)
    fit(
        Fabric(accelerator="cpu", devices=1),
        model,
        Side(tiles, work.train, aims[work.train]),
        Side(tiles, work.validation, aims[work.validation]),
        FitConfig(recipe, RATE, WEIGHT, Normalization(), SEED, compute),
        Checkpoint(work.folder / "unfinished"),
        Listener(on_epoch),
    )
    return ready, np.diff(marks).tolist(), losses


def machines_choice(model: str, work: Work) -> Compute:
    """What the self-test finds to be the fastest here; measured once a folder."""
    trial = Trial(model, SIZE, BATCH, CPU, "32-true")
    return chosen_compute(trial, 10**9, work.folder / "compute.json")


def measured(peer: str, model: str, work: Work, epochs: int) -> dict[str, object]:
    """One peer's epochs."""
    ours = peer in ("limit", "her2bench", "her2bench-plain")
    compute = machines_choice(model, work) if peer in ("limit", "her2bench") else PLAIN
    if ours:
        ready_cpu()
    torch.manual_seed(0)
    network = build_model(model, SIZE)
    ready = 0.0
    if peer == "limit":
        compute.set_on(network)
        seconds, losses = timed(limit_epochs(network, work, epochs, compute))
    elif ours:
        ready, seconds, losses = our_epochs(network, work, epochs, compute)
    else:
        workers = usable_cores() if peer == "dataloader" else 0
        seconds, losses = timed(decoding_epochs(network, work, epochs, workers))
    tiles = len(work.train) + len(work.validation)
    found = {"peer": peer, "model": model, "tiles": tiles, "ready": ready, "compute": str(compute)}
    return found | {"seconds": seconds, "losses": losses}


def main() -> None:
    parser = argparse.ArgumentParser(description="one way of training, timed")
    peers = ["notebook", "dataloader", "limit", "her2bench", "her2bench-plain"]
    parser.add_argument("peer", choices=peers)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=512)
    parser.add_argument("--validation", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    work = Work(given.folder, given.train, given.validation)
    with peak_memory() as memory:
        found = measured(given.peer, given.model, work, given.epochs)
    print(json.dumps({**found, "peak_gb": memory.bytes / 1e9}))


if __name__ == "__main__":
    main()

"""How fast does a device train the networks, and how near is that to its own limit?

    python -m benchmarks.gpu configs/bench_gpu.toml
    python -m benchmarks.gpu configs/bench_gpu.toml --set train=64 --set epochs=1 --device cpu

Trains each network with her2bench's own loop on random tiles, then runs the `limit`: the same
number of steps on one batch that lies on the device, computed the same way, and nothing else.
Prints tiles a second, the share of the limit, memory, and where the time of a run goes. A network
is one of ours, `timm:NAME`, or `package.module:Class`, which takes the size of a tile.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from her2bench.core.config import Settings, load_settings
from her2bench.models.registry import build_model
from her2bench.prediction.compute import Compute
from her2bench.prediction.device import choose_device, device_memory, ready_cpu
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import SILENT
from her2bench.training.loop import fit
from her2bench.training.optimiser import adam
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

RATE = 1e-5


class Part(Settings):
    """Networks that are trained alike."""

    models: tuple[str, ...]
    size: int
    epochs: int
    channels_last: bool


class GpuBench(Settings):
    """What is trained: networks, number of tiles, precision."""

    parts: tuple[Part, ...]
    train: int
    validation: int
    batch: int
    precision: Literal["32-true", "bf16-mixed"]


class OneLogit(nn.Module):
    """A network of timm with the study's shape: tiles (b, 3, h, w) → logits (b,)."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        import timm

        self.network: Any = timm.create_model(name, pretrained=False, num_classes=1)

    def forward(self, tiles: Tensor) -> Tensor:
        return self.network(tiles).squeeze(1)


def built(name: str, size: int) -> nn.Module:
    """A network with fresh weights."""
    if name.startswith("timm:"):
        return OneLogit(name.removeprefix("timm:"), size)
    if ":" in name:
        module, _, kind = name.partition(":")
        return getattr(import_module(module), kind)(size)
    return build_model(name, size)


@contextmanager
def timed(seconds: dict[str, float], name: str, device: torch.device) -> Iterator[None]:
    """Time what the block does, the device's work included."""
    wait(device)
    start = time.perf_counter()
    yield
    wait(device)
    seconds[name] = time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def trained(
    bench: GpuBench, part: Part, name: str, tiles: TileLoader, compute: Compute
) -> dict[str, float]:
    """Seconds of each phase of one training by her2bench's loop."""
    device, seconds = tiles.device, dict[str, float]()
    fabric = Fabric(accelerator=device.type, devices=1, precision=bench.precision)
    rows = np.arange(len(tiles.pixels))
    aims = (rows % 2).astype(np.float32)
    with timed(seconds, "building the network", device):
        model = built(name, part.size).to(device)
    train = Side(tiles, rows[: bench.train], aims[: bench.train])
    validation = Side(tiles, rows[bench.train :], aims[bench.train :])
    recipe = Recipe(epochs=part.epochs, batch=bench.batch, keep="last", normalise=False)
    plan = FitConfig(recipe, RATE, 1.0, Normalization(), (0, 0), compute)
    with tempfile.TemporaryDirectory() as folder, timed(seconds, "training", device):
        checkpoint = Checkpoint(Path(folder), share_of_time=1e-9)
        fit(fabric, model, train, validation, plan, checkpoint, SILENT)
    return seconds


def limit(bench: GpuBench, part: Part, name: str, compute: Compute, device: torch.device) -> float:
    """Seconds of the same steps on one batch that lies on the device."""
    fabric = Fabric(accelerator=device.type, devices=1, precision=bench.precision)
    model = built(name, part.size).to(device)
    compute.set_on(model)
    wrapped, optimiser = fabric.setup(model, adam(model, RATE, device))
    tiles = compute.laid_out(torch.rand(bench.batch, 3, part.size, part.size, device=device))
    aims, loss = torch.ones(bench.batch, device=device), nn.BCEWithLogitsLoss()
    seconds = dict[str, float]()
    with timed(seconds, "limit", device):
        for _ in range(part.epochs):
            wrapped.train()
            for _ in range(-(-bench.train // bench.batch)):
                optimiser.zero_grad()
                fabric.backward(loss(wrapped(tiles), aims))
                optimiser.step()
            wrapped.eval()
            with torch.inference_mode():
                for _ in range(-(-bench.validation // bench.batch)):
                    wrapped(tiles)
    return seconds["limit"]


def row(bench: GpuBench, part: Part, name: str, tiles: TileLoader) -> str:
    """One network's row of the table: a short training to warm up, then the one that counts."""
    device, compute = tiles.device, Compute(channels_last=part.channels_last)
    warm = part.model_copy(update={"epochs": 1})
    trained(bench, warm, name, tiles, compute)
    with device_memory(device) as memory:
        seconds = trained(bench, part, name, tiles, compute)
    ceiling = limit(bench, part, name, compute, device)
    count = part.epochs * (bench.train + bench.validation)
    weights = sum(weight.numel() for weight in built(name, part.size).parameters())
    return (
        f"| {name} | {part.size} | {weights / 1e6:.1f} | {count / seconds['training']:.0f} "
        f"| {ceiling / seconds['training']:.0%} | {memory.bytes / 1e9:.1f} | {part.epochs} "
        f"| {seconds['training']:.1f} | {seconds['building the network']:.1f} | {compute} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    bench, device = load_settings(GpuBench, given.config, given.set), choose_device(given.device)
    ready_cpu()
    there = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    print(f"Device: {there}, torch {torch.__version__}, {bench.precision}, batch {bench.batch}\n")
    print(
        "| network | px | million weights | tiles/s | share of the limit | device GB | epochs "
        "| training s | building s | computed |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    rng = np.random.default_rng(0)
    for part in bench.parts:
        shape = (bench.train + bench.validation, part.size, part.size, 3)
        tiles = TileLoader(rng.integers(0, 256, shape, dtype=np.uint8), device)
        for name in part.models:
            print(row(bench, part, name, tiles), flush=True)


if __name__ == "__main__":
    main()

"""How fast does a device train the three networks, and how near is that to its own limit?

    python -m benchmarks.gpu configs/bench_gpu.toml
    python -m benchmarks.gpu configs/bench_gpu.toml --set train=64 --set epochs=1 --device cpu

Trains each network with her2bench's own loop on random tiles, then runs the `limit`: the same
number of steps on one batch that lies on the device, computed the same way, and nothing else.
Prints tiles a second, the share of the limit, memory, and where the time of a run goes. The two
alternate, and each figure is the median of `--repeats`.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.core.config import Settings, load_settings
from her2bench.models.registry import build_model
from her2bench.prediction.compute import Compute
from her2bench.prediction.device import choose_device, device_memory, ready_cpu
from her2bench.prediction.normalization import Preparation
from her2bench.prediction.tile_loader import Feed
from her2bench.training.autotune import Trial, chosen_compute
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Plan, Side, adam, fit
from her2bench.training.recipe import Recipe

RATE = 1e-5


class GpuBench(Settings):
    """What is trained: networks, number and size of tiles, epochs, precision."""

    models: tuple[str, ...]
    train: int
    validation: int
    size: int
    batch: int
    epochs: int
    precision: Literal["32-true", "bf16-mixed"]


class Phases:
    """Seconds by phase of a run."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, dict[str, float]()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what the block does, the device's work included."""
        wait(self.device)
        start = time.perf_counter()
        yield
        wait(self.device)
        self.seconds[name] = time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Wait until the device has done all it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def trained(bench: GpuBench, name: str, pixels: np.ndarray, compute: Compute, phases: Phases):
    """One network trained by her2bench's loop."""
    device = phases.device
    fabric = Fabric(accelerator=device.type, devices=1, precision=bench.precision)
    rows = np.arange(len(pixels))
    aims = (rows % 2).astype(np.float32)
    with phases.phase("building the network"):
        model = build_model(name, bench.size).to(device)
    with phases.phase("bringing the tiles to the device"):
        tiles = Feed(pixels, device)
    train = Side(tiles, rows[: bench.train], aims[: bench.train])
    validation = Side(tiles, rows[bench.train :], aims[bench.train :])
    recipe = Recipe(epochs=bench.epochs, batch=bench.batch, keep="last", normalise=False)
    plan = Plan(recipe, RATE, 1.0, Preparation(), (0, 0), compute)
    with phases.phase("training and validation"), tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder), share_of_time=1e-9)
        fit(fabric, model, train, validation, plan, checkpoint, lambda row: None)


def limit(bench: GpuBench, name: str, compute: Compute, device: torch.device) -> float:
    """Seconds of the same steps on one batch that lies on the device."""
    fabric = Fabric(accelerator=device.type, devices=1, precision=bench.precision)
    model = build_model(name, bench.size).to(device)
    compute.set_on(model)
    wrapped, optimiser = fabric.setup(model, adam(model, RATE, device))
    tiles = compute.laid_out(torch.rand(bench.batch, 3, bench.size, bench.size, device=device))
    aims, loss = torch.ones(bench.batch, device=device), nn.BCEWithLogitsLoss()
    wait(device)
    start = time.perf_counter()
    for _ in range(bench.epochs):
        wrapped.train()
        for _ in range(-(-bench.train // bench.batch)):
            optimiser.zero_grad()
            fabric.backward(loss(wrapped(tiles), aims))
            optimiser.step()
        wrapped.eval()
        with torch.inference_mode():
            for _ in range(-(-bench.validation // bench.batch)):
                wrapped(tiles)
    wait(device)
    return time.perf_counter() - start


def row(bench: GpuBench, name: str, device: torch.device, repeats: int, record: Path) -> str:
    """One network's row of the table."""
    rng = np.random.default_rng(0)
    shape = (bench.train + bench.validation, bench.size, bench.size, 3)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    trial = Trial(name, bench.size, bench.batch, device, bench.precision)
    compute = chosen_compute(trial, 10**9, record)
    runs, limits = [], []
    with device_memory(device) as memory:
        for _ in range(repeats):
            phases = Phases(device)
            trained(bench, name, pixels, compute, phases)
            runs.append(phases.seconds)
            limits.append(limit(bench, name, compute, device))
    seconds = {phase: median(run[phase] for run in runs) for phase in runs[0]}
    training = seconds["training and validation"]
    rate = bench.epochs * (bench.train + bench.validation) / training
    times = ", ".join(f"{phase} {value:.2f} s" for phase, value in seconds.items())
    share = median(limits) / training
    return f"| {name} | {rate:.0f} | {share:.0%} | {memory.bytes / 1e9:.1f} | {compute} | {times} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    bench, device = load_settings(GpuBench, given.config, given.set), choose_device(given.device)
    ready_cpu()
    there = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    print(f"Device: {there}, torch {torch.__version__}\n")
    print("| network | tiles/s | share of the limit | device GB | computed | time by phase |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in bench.models:
            record = Path(folder) / "compute.json"
            print(row(bench, name, device, given.repeats, record), flush=True)


if __name__ == "__main__":
    main()

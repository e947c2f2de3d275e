"""Where does the time of an epoch go? A profile of each network's training on the CPU.

    python -m benchmarks.where_time_goes

Trains each network with her2bench's own loop, computed as the machine's self-test found best, on
random tiles of 299 px in batches of 32: one epoch to warm up, then one under PyTorch's profiler.
Prints the share of the processor's time that each kind of operation takes, and what the
convolutions and matrix products reach in GFLOP/s beside a plain product of two matrices. Time
outside of operations (Python, reading tiles, metrics) is what is left to 100%.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from her2bench.core.vocabulary import NETWORKS
from her2bench.models.registry import build_model
from her2bench.prediction.compute import Compute
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.autotune import Trial, chosen_compute
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import SILENT
from her2bench.training.loop import fit
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE, BATCH = 299, 32
TILES = {"lenet": 320, "alexnet": 160, "mini_hahnet": 64}
CPU = torch.device("cpu")
KINDS = {  # the beginning of PyTorch's names, the first that fits
    "convolutions, backward": ("aten::convolution_backward", "aten::mkldnn_convolution_backward"),
    "convolutions, forward": ("aten::mkldnn_convolution", "aten::_convolution", "aten::conv"),
    "fully connected layers": ("aten::mm", "aten::addmm", "aten::linear"),
    "pooling": ("aten::max", "MaxPool", "aten::gt", "aten::sub"),
    "ReLU": ("aten::relu", "aten::clamp_min", "aten::threshold"),
    "masks (dropout, pooling)": ("aten::bernoulli", "aten::native_dropout", "aten::mul"),
    "optimiser": ("aten::_fused_adam", "Optimizer"),
    "memory: copies, joins, zeros": (
        "aten::copy",
        "aten::cat",
        "aten::fill",
        "aten::zero",
        "aten::empty",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(NETWORKS))
    given = parser.parse_args()
    ready_cpu()
    print(f"A product of two 4096 x 4096 matrices: {matrix_product():.0f} GFLOP/s\n")
    print("| network | computed | GFLOP per tile and step | GFLOP/s | where the time goes |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.models:
            print(profiled(name, Path(folder)), flush=True)


def matrix_product() -> float:
    """GFLOP/s of a float32 product, the best of five."""
    a, b = torch.rand(4096, 4096), torch.rand(4096, 4096)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * 4096**3 / min(seconds) / 1e9


def profiled(name: str, folder: Path) -> str:
    """One network's row."""
    record = folder / "compute.json"
    compute = chosen_compute(Trial(name, SIZE, BATCH, CPU, "32-true"), 10**9, record)
    pixels = np.random.default_rng(0).integers(0, 256, (TILES[name], SIZE, SIZE, 3), dtype=np.uint8)
    torch.manual_seed(0)
    model = build_model(name, SIZE)
    epoch(model, pixels, compute, folder / name)  # to warm up
    with profile(activities=[ProfilerActivity.CPU]) as found:
        start = time.perf_counter()
        seconds = epoch(model, pixels, compute, folder / name)
        whole = time.perf_counter() - start
    del model  # before the next is built
    shares = by_kind(found.key_averages(), whole)
    flops = flops_of_a_tile(name)
    text = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items() if share >= 0.005)
    rate = flops * TILES[name] / seconds / 1e9
    return f"| {name} | {compute} | {flops / 1e9:.1f} | {rate:.0f} | {text} |"


def epoch(model: nn.Module, pixels: np.ndarray, compute: Compute, folder: Path) -> float:
    """Train for one epoch; its seconds."""
    rows = np.arange(len(pixels))
    side = Side(TileLoader(pixels, CPU), rows, (rows % 2).astype(np.float32))
    few = Side(side.tiles, rows[:2], side.targets[:2])
    recipe = Recipe(epochs=1, batch=BATCH, keep="last", normalise=False)
    plan = FitConfig(recipe, 1e-5, 1.0, Normalization(), (0, 0), compute)
    fabric = Fabric(accelerator="cpu", devices=1)
    fitted = fit(fabric, model, side, few, plan, Checkpoint(folder), SILENT)
    return fitted.epochs[0]["seconds"]


def by_kind(events, whole: float) -> dict[str, float]:
    """Each kind's share of the time, the largest first."""
    seconds: dict[str, float] = defaultdict(float)
    for event in events:
        kind = next(
            (k for k, starts in KINDS.items() if event.key.startswith(starts)), "other operations"
        )
        seconds[kind] += event.self_cpu_time_total / 1e6
    seconds["outside of operations"] = whole - sum(seconds.values())
    shares = {kind: value / whole for kind, value in seconds.items()}
    return dict(sorted(shares.items(), key=lambda entry: -entry[1]))


def flops_of_a_tile(name: str) -> float:
    """Floating-point operations of one tile's forward and backward pass."""
    with FlopCounterMode(display=False) as counter:
        build_model(name, SIZE)(torch.rand(1, 3, SIZE, SIZE)).sum().backward()
    return float(counter.get_total_flops())


if __name__ == "__main__":
    main()

"""Does a data set larger than memory train, and how much slower is it than one that fits?

    python -m benchmarks.large_set

Writes 8 GB of random tiles of 64 px into build/, trains LeNet for one epoch on all of them and on
a set that fits, and prints the ratio of their speeds and the memory held. To make memory scarce,
start it where it is limited, e.g. on Linux as root, with 0.8 GB for process and file cache
together:

    mkdir /sys/fs/cgroup/memory/small
    echo 800000000 > /sys/fs/cgroup/memory/small/memory.limit_in_bytes
    sh -c 'echo $$ > /sys/fs/cgroup/memory/small/cgroup.procs; exec python -m benchmarks.large_set'

(with cgroup v2: /sys/fs/cgroup/small, memory.max.) It is a model on a small scale: her2bench
shuffles such sets in windows of 2 GiB, meant for a machine with some times as much memory; here
the windows are as small as the memory, WINDOW bytes.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from her2bench.core.machine import peak_memory
from her2bench.models.registry import build_model
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training import loop
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epoch_order import epoch_order
from her2bench.training.listener import SILENT
from her2bench.training.loop import fit
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE, BATCH = 64, 32
WINDOW, BLOCK = 2**26, 2**22  # bytes: shuffled together, read side by side
CHUNK = 4096  # tiles written at a time
FITS = 4096  # tiles


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--folder", type=Path, default=Path("build"))
    given = parser.parse_args()
    ready_cpu()
    loop.epoch_order = partial(epoch_order, window=WINDOW, block=BLOCK)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "pixels.npy"
        count = write_tiles(path, int(given.gigabytes * 1e9) // (SIZE * SIZE * 3))
        pixels = np.load(path, mmap_mode="r")
        small = tiles_per_second(np.array(pixels[:FITS]), Path(folder))
        with peak_memory() as memory:
            large = tiles_per_second(pixels, Path(folder))
        del pixels
    print(f"{count:,} tiles, {given.gigabytes} GB: {large / small:.2f} of the speed of a set that")
    print(f"fits; at most {memory.bytes / 1e9:.2f} GB held, mapped tiles included")


def write_tiles(path: Path, count: int) -> int:
    """Write random tiles, chunk by chunk."""
    rng = np.random.default_rng(0)
    shape = (count, SIZE, SIZE, 3)
    with path.open("wb") as stream:
        head = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, head)
        for start in range(0, count, CHUNK):
            stream.write(rng.bytes(min(CHUNK, count - start) * SIZE * SIZE * 3))
    return count


def tiles_per_second(pixels: np.ndarray, folder: Path) -> float:
    """The speed of one epoch over all tiles."""
    rows = np.arange(len(pixels))
    side = Side(TileLoader(pixels, torch.device("cpu")), rows, (rows % 2).astype(np.float32))
    few = Side(side.tiles, rows[:2], side.targets[:2])
    recipe = Recipe(epochs=1, batch=BATCH, keep="last", normalise=False)
    plan = FitConfig(recipe, 1e-4, 1.0, Normalization(), (0, 0))
    torch.manual_seed(0)
    model, fabric = build_model("lenet", SIZE), Fabric(accelerator="cpu", devices=1)
    fitted = fit(fabric, model, side, few, plan, Checkpoint(folder / "run"), SILENT)
    return fitted.epochs[0]["tiles_per_second"]


if __name__ == "__main__":
    main()

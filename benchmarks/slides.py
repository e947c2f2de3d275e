"""Prediction on a large slide: time by phase, tiles/s against the network alone, peak memory.

    python -m benchmarks.slides build/slides
    python -m benchmarks.slides build/slides --side 8000 --network lenet --size 64

Writes a JPEG pyramid of 40,000 x 40,000 pixels (kept for the next time), half of it tissue, and
predicts it with random weights. The network alone: the same forward loop on as many tiles that lie
ready in memory. Reading alone: the same tiles read and resized by as many threads, and no network.
On a CPU both need the same cores: seconds of all cores (CPU) say more than those of the clock where
other programs run.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import torch
from scipy import ndimage

from benchmarks.pyramid import TILE, write_pyramid
from her2bench.core.machine import peak_memory
from her2bench.core.run_folder import RunFolder
from her2bench.data.decoding.reading import open_image
from her2bench.data.tissue import tissue_of
from her2bench.models.registry import build_model, use_model
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.predictor import opened_predictor
from her2bench.prediction.slides.slide_folder import write_slide
from her2bench.prediction.slides.slide_prediction import THUMBNAIL, predict_slide
from her2bench.prediction.slides.slide_tiles import SlideTiling
from her2bench.prediction.slides.summary import summary_of
from her2bench.prediction.slides.tile_stream import tile_batches
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.prediction.training_scale import TrainingScale

MPP, TILE_SIDE, LEVELS = 0.25, 512, (1, 4, 16)


def pattern(side: int = 2048) -> np.ndarray:
    """(side, side, 3) uint8: blue and brown texture that repeats without a seam."""
    rng = np.random.default_rng(0)
    blue, brown = (
        ndimage.gaussian_filter(rng.normal(0, 1, (side, side)), width, mode="wrap") * width
        for width in (4, 8)
    )
    density = np.clip(0.15 + 0.3 * blue, 0.02, 1)[..., None] * (0.65, 0.70, 0.29)
    density += np.clip(0.1 + 0.5 * brown, 0, 1)[..., None] * (0.27, 0.57, 0.78)
    return (236 * 10**-density + rng.normal(0, 1, density.shape)).clip(0, 255).astype(np.uint8)


def write_large(path: Path, side: int) -> None:
    """A slide with a disc of tissue on half of it."""
    tissue = pattern()
    small = [tissue[::factor, ::factor] for factor in LEVELS]

    def tile_of(level: int, x: int, y: int) -> np.ndarray:
        rows, columns = np.arange(y, y + TILE), np.arange(x, x + TILE)
        found = small[level].take(rows, 0, mode="wrap").take(columns, 1, mode="wrap")
        radius = 0.4 * side / LEVELS[level]
        middle = side / LEVELS[level] / 2
        outside = (rows[:, None] - middle) ** 2 + (columns - middle) ** 2 > radius**2
        found[outside] = 236
        return found

    sizes = [(side // factor, side // factor) for factor in LEVELS]
    write_pyramid(path, sizes, tile_of, MPP, quality=80)


@contextmanager
def phase(name: str) -> Iterator[list[float]]:
    """Print what a block took; the seconds, by the clock and of all cores, are in the list then."""
    begun, busy, seconds = time.perf_counter(), time.process_time(), list[float]()
    yield seconds
    seconds += [time.perf_counter() - begun, time.process_time() - busy]
    print(f"{name}: {seconds[0]:.1f} s, CPU {seconds[1]:.1f} s", flush=True)


def trained(folder: Path, network: str, size: int) -> RunFolder:
    """A finished run with random weights."""
    if ":" in network:
        use_model(network)
    name = network.rpartition(":")[2]
    torch.manual_seed(0)
    scale = TrainingScale(TILE_SIDE, MPP)
    normal = Normalization((0.7, 0.6, 0.6), (0.2, 0.2, 0.2))
    run = RunFolder(folder / "run")
    run.path.mkdir(parents=True, exist_ok=True)
    description = ModelMetadata(name, size, normal, 0.0, "2+", scale=scale)
    save_trained(build_model(name, size), description, run.weights)
    run.mark_done({})
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=40_000)
    parser.add_argument("--network", default="dabnet", help="also timm:resnet18")
    parser.add_argument("--size", type=int, default=224)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"{given.side}.tiff"
    if not path.is_file():
        with phase("writing the slide (not counted)"):
            write_large(path, given.side)
    ready_cpu()
    run = trained(given.folder, given.network, given.size)
    predictor = opened_predictor(run.path, torch.device("cpu"))
    ready = np.random.default_rng(0).integers(0, 256, (256, given.size, given.size, 3), np.uint8)
    predictor.logits(ready[:32])  # what the first batch takes longer is no part of either rate
    with peak_memory() as held:
        image = open_image(path)
        with phase("finding tissue"):
            mask = tissue_of(image, TILE_SIDE)
        with phase("thumbnail"):
            image.overview(THUMBNAIL)
        with phase("prediction, with tissue and thumbnail") as whole:
            found = predict_slide(path.stem, path, image, predictor, SlideTiling())
        image.close()
        with phase("writing the files"):
            summary = summary_of(found, predictor, {})
            write_slide(found, summary, given.folder / "out", "csv", False)
    count = found.table.height
    with phase("reading alone"):
        image = open_image(path)
        for _ in tile_batches(image, found.tiles, given.size, "not measured"):
            pass
        image.close()
    with phase("the network alone") as alone:
        for first in range(0, count, 32):
            rows = np.arange(first, min(first + 32, count)) % len(ready)
            predictor.logits(ready[rows])
    print(f"{count} tiles, {mask.mean():.0%} tissue, {psutil.cpu_count()} cores")
    print(f"tiles/s: {count / whole[0]:.1f}, the network alone {count / alone[0]:.1f}", end=", ")
    print(f"ratio {alone[0] / whole[0]:.2f}, by CPU {alone[1] / whole[1]:.2f} (goal: 0.85)")
    print(f"peak memory: {held.bytes / 1e9:.2f} GB (goal: below 2)")


if __name__ == "__main__":
    main()

"""Does Grad-CAM look at stained tumour? Against the phantom's truth, trained and randomised.

    python -m benchmarks.gradcam build/gradcam            about half an hour on two CPU cores
    python -m benchmarks.gradcam build/gradcam --models lenet --epochs 4

Trains the networks on a phantom at 128 px (kept in the folder: a second run only measures), then
asks on the test slides' tiles how much of each map's mass lies on stained tumour: cells whose
membrane is stained all the way round, which is what separates 2+ and 3+ from the rest. That
share is set against the region's share of the tile, and against the same region put at random
elsewhere in the tile. With randomised weights (Adebayo et al. 2018, "Sanity checks for saliency
maps") nothing of it should be left on average; one random network alone may by chance like or
dislike dark pixels, so several are drawn.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch
from scipy.stats import rankdata
from torch import nn

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.models.registry import build_model
from her2bench.phantom import (
    PhantomSettings,
    Truth,
    draw_slides,
    tile_truth,
    tiles_of,
    write_phantom,
)
from her2bench.prediction.device import choose_device
from her2bench.prediction.gradcam import enlarged, gradcam
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import load_trained

SIZE = 128
SHARES = (0.03, 0.9)  # tiles with less or more stained tumour than this cannot tell
SHIFTS = 200  # random places for the region, a tile
RANDOM_NETWORKS = 20
PHANTOM = PhantomSettings(slides=51, tiles_per_slide=10, size=SIZE, mpp=0.92, seed=0)


class Printer(Watcher):
    """Says each epoch on a line."""

    def epoch(self, job: object, row: dict) -> None:  # type: ignore[override]
        print(f"  {job} epoch {row['epoch']}: {row['val_loss']:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["lenet", "alexnet", "mini_hahnet"])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device = choose_device(given.device)
    write_phantom(given.folder / "phantom", PHANTOM)
    out = trained(given.folder, given.models, given.epochs, given.device)
    pixels, regions = test_tiles(out, given.folder / "cache")
    print(f"{len(pixels)} test tiles, stained tumour on {regions.mean():.3f} of their area")
    for model, seed, fold, run in out.finished_runs():
        if not run.weights.is_file():
            continue
        network, description = load_trained(run, device)

        def maps_of(
            network: nn.Module, prepare: Normalization = description.preparation
        ) -> np.ndarray:
            return gradcam(network.to(device), pixels, prepare, device)

        report(f"{model} seed {seed} fold {fold}", maps_of(network), regions)
        report_random(model, maps_of, maps_of(network), regions)


def trained(folder: Path, models: list[str], epochs: int, device: str) -> ComparisonFolder:
    """The comparison of these models on the phantom, trained now if it is not there yet."""
    config = ComparisonConfig.model_validate(
        {
            "manifest": folder / "phantom" / "manifest.csv",
            "models": tuple(models),
            "seeds": (0,),
            "size": SIZE,
            "split": {"kind": "grouped", "validation": 0.2, "test": 0.3},
            "recipe": {
                "epochs": epochs,
                "learning_rates": (1e-3, 1e-4),
                "augment": ("flip", "rotate"),
            },
        }
    )
    return compare(config, folder / "comparison", Choices(device, folder / "cache"), Printer())


def test_tiles(out: ComparisonFolder, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and stained-tumour regions of the test tiles that can tell."""
    split = pl.read_parquet(out.splits).filter(pl.col("split") == "test")
    manifest = read_manifest(out.manifest).join(split.select("tile_id"), on="tile_id", how="semi")
    tiles = {tile.tile_id: tile for tile in tiles_of(PHANTOM, draw_slides(PHANTOM))}
    cached = cached_tiles(manifest, SIZE, cache)
    regions = np.stack(
        [stained_tumour(tile_truth(tiles[i], PHANTOM), SIZE) for i in cached.tile_ids]
    )
    shares = regions.mean(axis=(1, 2))
    telling = (shares > SHARES[0]) & (shares < SHARES[1])
    return np.array(cached.pixels[telling]), regions[telling]


def stained_tumour(truth: Truth, size: int) -> np.ndarray:
    """Where cells lie whose membrane is stained all round: (size, size) bool, discs of a cell."""
    chosen = (truth.staining.density > 0) & (truth.staining.completeness >= 0.9)
    centres = (np.arange(size) + 0.5) * truth.extent[0] / size
    region = np.zeros((size, size), bool)
    for y, x in zip(truth.y[chosen], truth.x[chosen], strict=True):
        away = (centres[:, None] - y) ** 2 + (centres[None] - x) ** 2
        region |= away < 0.36 * truth.cell_area
    return region


def report(name: str, maps: np.ndarray, regions: np.ndarray) -> None:
    """Print how the maps' mass lies."""
    mass, share, beats = located(maps, regions)
    print(
        f"{name:24} mass on stained tumour {mass.mean():.3f}, its area {share.mean():.3f}; more "
        f"than its area in {np.mean(mass > share):.0%} of tiles, more than the same region "
        f"elsewhere {beats.mean():.0%}; {len(maps) - len(mass)} empty maps of {len(maps)}",
        flush=True,
    )


def report_random(
    model: str,
    maps_of: Callable[[nn.Module], np.ndarray],
    learnt: np.ndarray,
    regions: np.ndarray,
) -> None:
    """Print the same for networks with random weights, on average, and how like their maps are."""
    rows = []
    for network in random_networks(model):
        maps = maps_of(network)
        mass, share, beats = located(maps, regions)
        rows.append((mass.mean(), np.mean(mass > share), beats.mean(), likeness(learnt, maps)))
    mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
    names = ("mass", "more than its area", "more than elsewhere", "rank correlation with trained")
    text = ", ".join(f"{n} {m:.3f} ± {s:.3f}" for n, m, s in zip(names, mean, spread, strict=True))
    print(f"  random weights ({RANDOM_NETWORKS} networks, mean ± SD): {text}", flush=True)


def random_networks(model: str) -> Iterator[nn.Module]:
    for seed in range(RANDOM_NETWORKS):
        torch.manual_seed(seed)
        yield build_model(model, SIZE)


def located(maps: np.ndarray, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each tile whose map is not empty: mass on the region, its area, and how often more.

    Args:
        maps: (n, h, w), 0 or more.
        regions: (n, size, size) bool.

    Returns:
        Three of (m,), 0 to 1; the last is the share of random shifts (the tile's edges joined)
        of the region that hold less mass than the region itself.
    """
    bigger = enlarged(maps, *regions.shape[1:]).astype(np.float64)
    total = bigger.sum(axis=(1, 2))
    there = total > 0
    bigger, regions = bigger[there] / total[there, None, None], regions[there]
    mass = (bigger * regions).sum(axis=(1, 2))
    rng = np.random.default_rng(0)
    less = np.zeros(len(mass))
    for down, right in rng.integers(0, regions.shape[1], (SHIFTS, 2)):
        moved = np.roll(regions, (down, right), axis=(1, 2))
        less += (bigger * moved).sum(axis=(1, 2)) < mass
    return mass, regions.mean(axis=(1, 2)), less / SHIFTS


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Mean rank correlation of two sets of maps, tile by tile, where neither is flat."""
    a, b = (rankdata(m.reshape(len(m), -1), axis=1) for m in (one, other))
    a, b = (m - m.mean(axis=1, keepdims=True) for m in (a, b))
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(((a * b).sum(axis=1)[length > 0] / length[length > 0]).mean())


if __name__ == "__main__":
    main()

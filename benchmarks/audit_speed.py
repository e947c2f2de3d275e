"""Time and memory of an audit, as many and as large tiles as BCI has, or many more small ones.

    python -m benchmarks.audit_speed build/audit-speed                  4,873 tiles of 1024 px
    python -m benchmarks.audit_speed build/small --tiles 200            to try it
    python -m benchmarks.audit_speed build/many --tiles 100000 --size 256 --drawn 4000 --once

The tiles are phantoms of 51 slides, all different, drawn at half their size, enlarged, given
the noise of a camera and encoded again: drawn at full size they would take four times as long, and
the audit takes the same time. They are kept in the folder, so that a second run only measures.

With --drawn, only so many are drawn, twice as large as the tiles, and from each many tiles are cut:
at any place, turned by any angle, at 0.75 to 1.3 of its size, so that hardly two of them are alike
to the audit.

Each audit runs in a process of its own: first with nothing kept, then again (unless --once) with
what the first one kept. Memory is what the operating system counts for that process, mapped files
included: its peak, and after each check the peak until then.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from her2bench.audit.run import CHECKS, gather
from her2bench.core.atomic_io import replacing
from her2bench.core.machine import usable_cores
from her2bench.core.manifest import read_manifest, write_manifest
from her2bench.phantom import PhantomSettings, write_phantom

SLIDES = 51
NOISE = 2.0  # grey levels
QUALITY = 90
_WHOLE, _LOOKING = "all", "looking at tiles"


def main() -> None:
    """Draw, audit twice, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiles", type=int, default=4873)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--drawn", type=int, help="draw so many, and cut all tiles from them")
    parser.add_argument("--once", action="store_true", help="no second audit")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measured(asked.folder)))
        return
    folder = asked.folder / f"{asked.tiles}-{asked.size}"
    if asked.drawn:
        cut(folder, asked.tiles, asked.size, asked.drawn)
    else:
        draw(folder, asked.tiles, asked.size)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    runs = [json.loads(_again(folder)) for _ in range(1 if asked.once else 2)]
    print(f"{asked.tiles} tiles of {asked.size} px, {usable_cores()} cores\n")
    print(f"{'':24}" + "".join(f"{head:>10}" for head in ("first", "again")[: len(runs)]))
    for name in runs[0]["seconds"]:
        print(f"{name + ', s':24}" + "".join(f"{run['seconds'][name]:10.1f}" for run in runs))
    for name in runs[0]["gigabytes"]:
        print(f"{name + ', GB':24}" + "".join(f"{run['gigabytes'][name]:10.2f}" for run in runs))
    print(f"{'findings':24}" + "".join(f"{run['findings']:10}" for run in runs))


def measured(folder: Path) -> dict[str, object]:
    """Audit the tiles of a folder in this process: seconds of each part, peak memory after it."""
    begun = time.perf_counter()
    evidence = gather(read_manifest(folder / "manifest.csv"), cache=folder / "cache")
    seconds, gigabytes = {_LOOKING: time.perf_counter() - begun}, {_LOOKING: _peak()}
    findings = 0
    for name, check in CHECKS.items():
        started = time.perf_counter()
        findings += len(check(evidence).findings)
        seconds[name], gigabytes[name] = time.perf_counter() - started, _peak()
        print(f"{name}: {seconds[name]:.1f} s, {gigabytes[name]:.2f} GB", file=sys.stderr)
    seconds[_WHOLE], gigabytes[_WHOLE] = time.perf_counter() - begun, _peak()
    return {"seconds": seconds, "gigabytes": gigabytes, "findings": findings}


def _peak() -> float:
    # Linux counts in kilobytes, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def draw(folder: Path, tiles: int, size: int) -> None:
    """Draw the tiles, unless they are there."""
    if folder.is_dir():
        return
    half = folder.with_name(f"{folder.name}-half")
    each = -(-tiles // SLIDES)
    settings = PhantomSettings(
        slides=SLIDES, tiles_per_slide=each, size=size // 2, mpp=0.92 * 512 / (size // 2)
    )
    write_phantom(half, settings)
    table = read_manifest(half / "manifest.csv").sample(tiles, seed=0).sort("tile_id")
    with replacing(folder) as temporary:
        (temporary / "tiles").mkdir(parents=True)
        paths = [str(temporary / "tiles" / f"{name}.jpg") for name in table["tile_id"]]
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            sizes = [size] * tiles
            list(pool.map(enlarge, table["path"], paths, sizes, range(tiles), chunksize=64))
        write_manifest(table.with_columns(pl.Series("path", paths)), temporary / "manifest.csv")
    shutil.rmtree(half)


def enlarge(path: str, to: str, size: int, seed: int) -> None:
    """A tile enlarged to `size` pixels per side, with a camera's noise, as JPEG."""
    with Image.open(path) as image:
        large = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC), np.float32)
    rng = np.random.default_rng(seed)
    noisy = large + rng.standard_normal(large.shape, np.float32) * NOISE
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(to, quality=QUALITY)


def cut(folder: Path, tiles: int, size: int, drawn: int) -> None:
    """Cut the tiles from a few drawn ones, unless they are there."""
    if folder.is_dir():
        return
    large = folder.with_name(f"drawn-{drawn}-{2 * size}")
    each = -(-drawn // SLIDES)
    write_phantom(large, PhantomSettings(slides=SLIDES, tiles_per_slide=each, size=2 * size))
    table = read_manifest(large / "manifest.csv")
    rows = np.arange(tiles) * len(table) // tiles
    names = pl.Series("tile_id", [f"{i:06d}" for i in range(tiles)])
    with replacing(folder) as temporary:
        (temporary / "tiles").mkdir(parents=True)
        paths = [str(temporary / "tiles" / f"{name}.jpg") for name in names]
        work = [(large, pieces) for large, pieces in _by_drawn(table["path"], rows, paths)]
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            list(pool.map(cut_from, *zip(*work, strict=True), [size] * len(work), chunksize=4))
        table = table[rows].with_columns(names, pl.Series("path", paths))
        write_manifest(table, temporary / "manifest.csv")


def _by_drawn(
    drawn: pl.Series, rows: np.ndarray, paths: list[str]
) -> list[tuple[str, list[tuple[int, str]]]]:
    """Each drawn tile with the numbers and files of the tiles to be cut from it."""
    ends = np.searchsorted(rows, np.arange(len(drawn) + 1))
    return [
        (path, list(enumerate(paths[start:end], start)))
        for path, start, end in zip(drawn, ends[:-1], ends[1:], strict=True)
    ]


def cut_from(path: str, pieces: list[tuple[int, str]], size: int) -> None:
    """Tiles cut from a larger one, turned and scaled, with a camera's noise, as JPEG."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    noise = np.random.default_rng(0).standard_normal((2 * size, 2 * size, 3), np.float32) * NOISE
    for number, to in pieces:
        rng = np.random.default_rng(number)
        angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.3)
        cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
        reach = (abs(cos) + abs(sin)) * size / 2
        x, y = (rng.uniform(reach, side - reach) for side in image.size)
        half = size / 2
        turned = (cos, sin, x - (cos + sin) * half, -sin, cos, y - (cos - sin) * half)
        way = Image.Transform.AFFINE, turned, Image.Resampling.BICUBIC
        top, left = rng.integers(0, size, 2)
        noisy = np.asarray(image.transform((size, size), *way), np.float32)
        noisy = noisy + noise[top : top + size, left : left + size]
        pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(to, quality=QUALITY)


def _again(folder: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.audit_speed", str(folder), "--measure"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()

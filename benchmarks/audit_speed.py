"""Time and memory of an audit, as many and as large tiles as BCI has.

    python -m benchmarks.audit_speed build/audit-speed                  4,873 tiles of 1024 px
    python -m benchmarks.audit_speed build/small --tiles 200            to try it

The tiles are phantoms of 51 slides, every one another, drawn at half their size, enlarged, given
the noise of a camera and encoded anew: drawn at full size they would take four times as long, and
to the audit they weigh the same. They are kept in the folder, so that a second run only measures.

Each audit runs in a process of its own: first with nothing kept, then again with what the first
one kept. Peak memory is what the operating system counts for that process, mapped files included.
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

from her2bench.core.files import replacing
from her2bench.core.manifest import read_manifest, write_manifest
from her2bench.data.audit.audit import CHECKS, gather
from her2bench.data.phantom import PhantomSettings, write_phantom

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
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measured(asked.folder)))
        return
    folder = asked.folder / f"{asked.tiles}-{asked.size}"
    draw(folder, asked.tiles, asked.size)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    runs = [json.loads(_again(folder)) for _ in range(2)]
    print(f"{asked.tiles} tiles of {asked.size} px, {os.cpu_count()} cores\n")
    print(f"{'':24}{'first':>10}{'again':>10}")
    for name in runs[0]["seconds"]:
        print(f"{name + ', s':24}" + "".join(f"{run['seconds'][name]:10.1f}" for run in runs))
    print(f"{'peak memory, GB':24}" + "".join(f"{run['gigabytes']:10.2f}" for run in runs))
    print(f"{'findings':24}" + "".join(f"{run['findings']:10}" for run in runs))


def measured(folder: Path) -> dict[str, object]:
    """Audit the tiles of a folder in this process: seconds of each part, peak memory."""
    begun = time.perf_counter()
    evidence = gather(read_manifest(folder / "manifest.csv"), cache=folder / "cache")
    seconds = {_LOOKING: time.perf_counter() - begun}
    findings = 0
    for name, check in CHECKS.items():
        started = time.perf_counter()
        findings += len(check(evidence).findings)
        seconds[name] = time.perf_counter() - started
    seconds[_WHOLE] = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return {
        "seconds": seconds,
        "gigabytes": peak / (1e9 if sys.platform == "darwin" else 1e6),
        "findings": findings,
    }


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
    """A tile enlarged to `size` pixels a side, with a camera's noise, as JPEG."""
    with Image.open(path) as image:
        large = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC), np.float32)
    rng = np.random.default_rng(seed)
    noisy = large + rng.standard_normal(large.shape, np.float32) * NOISE
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(to, quality=QUALITY)


def _again(folder: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.audit_speed", str(folder), "--measure"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()

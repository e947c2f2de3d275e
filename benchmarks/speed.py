"""How fast is training, beside what people use and beside what the machine can do?

    python -m benchmarks.speed                 all of it, some 40 minutes on two cores
    python -m benchmarks.speed --repeats 1     a quicker look
    python -m benchmarks.speed --losses        whether the losses are the notebook's, some minutes

Draws a phantom in BCI's geometry (1024 px JPEG tiles, 640 of them) into build/, then, with old
and new alternating, each in a process of its own, prints every figure as a ratio of medians:

- training: an epoch (training and validation at 299 px, batch 32) of her2bench after the cache is
  built, against `notebook`, `dataloader` and `limit` (see benchmarks/peers.py); the first epoch of
  each is left out, since it also pays for memory that is fetched once;
- the tile cache: two cores against one, fast decoding against exact;
- the first epoch, the building of the cache included, against the notebook's first;
- whether the losses are those of the notebook;
- how long `her2bench --help` takes.

Nothing else may run beside it.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import psutil
import torch

from her2bench.phantom import PhantomSettings, write_phantom

PHANTOM = PhantomSettings(slides=40, tiles_per_slide=16, size=1024, mpp=0.46, seed=5)
FEW = PhantomSettings(slides=24, tiles_per_slide=4, size=1024, mpp=0.46, seed=5)  # for losses
FOLDER = Path("build/speed")
EPOCHS = {"notebook": 2, "dataloader": 2, "limit": 3, "her2bench": 3}
REPEATS = {"lenet": 3, "alexnet": 2, "mini_hahnet": 2}  # by default
CACHE_REPEATS = 3
# Tiles of an epoch: training, validation. mini-HAHNet's epoch is cut to a batch of each: the
# notebook takes half a minute for it.
TILES = {"lenet": (512, 128), "alexnet": (512, 128), "mini_hahnet": (32, 32)}
FEW_TILES = {"lenet": (64, 32), "alexnet": (64, 32), "mini_hahnet": (8, 8)}
GOALS = {"lenet": (6.0, 0.90), "alexnet": (2.0, 0.95), "mini_hahnet": (1.7, 0.95)}
CACHE_GOALS = {"cores": 1.8, "fast": 3.0}
HELP_GOAL = 0.5  # seconds
BUILD = """
import sys, time
import torch  # as in training, where it is there already
from pathlib import Path
from her2bench.core.manifest import read_manifest
from her2bench.data.tile_cache.cached_tiles import cached_tiles
manifest = read_manifest(Path(sys.argv[1]))
start = time.perf_counter()
cached_tiles(manifest, 299, Path(sys.argv[2]), decoding=sys.argv[3])
print(time.perf_counter() - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, help="of each measurement")
    parser.add_argument("--models", nargs="+", default=list(TILES))
    parser.add_argument("--losses", action="store_true", help="losses alone")
    given = parser.parse_args()
    print(f"Machine: {machine()}\n")
    if given.losses:
        losses_table(given.models)
        return
    drawn("tiles", PHANTOM)
    help_line()
    cache_table(given.repeats or CACHE_REPEATS)
    training_table(given.models, given.repeats)


def drawn(name: str, settings: PhantomSettings) -> Path:
    """The folder of a phantom, drawn unless it is there."""
    folder = FOLDER / name
    if not folder.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_phantom(folder, settings)
    return folder


def machine() -> str:
    """The machine in words."""
    memory = psutil.virtual_memory().total / 2**30
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((x.split(":")[1].strip() for x in lines if "model name" in x), processor)
    capability = torch.backends.cpu.get_cpu_capability()
    return (
        f"{os.cpu_count()} cores, {processor} ({capability}), {memory:.0f} GiB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    )


def help_line() -> None:
    """Print how long `her2bench --help` takes."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "her2bench", "--help"], check=True, stdout=subprocess.DEVNULL
        )
        seconds.append(time.perf_counter() - start)
    print(f"`her2bench --help`: {median(seconds):.2f} s (goal: under {HELP_GOAL} s)\n")


def cache_table(repeats: int) -> None:
    """Print how the cache's building speeds up with cores and with fast decoding."""
    one_core = ["taskset", "-c", "0"] if shutil.which("taskset") else None
    kinds = {"exact": ([], "exact"), "fast": ([], "fast")}
    if one_core:
        kinds["exact, one core"] = (one_core, "exact")
    seconds = defaultdict(list)
    for _ in range(repeats):
        for name, (before, decoding) in kinds.items():
            seconds[name].append(build_seconds(before, decoding))
    found = {name: median(each) for name, each in seconds.items()}
    print("| cache of 1024 px JPEG tiles at 299 px | ratio | goal |\n| --- | --- | --- |")
    if one_core:
        ratio = found["exact, one core"] / found["exact"]
        print(f"| exact: {os.cpu_count()} cores against one | {ratio:.2f} | 1.8 on two cores |")
    print(
        f"| fast against exact | {found['exact'] / found['fast']:.2f} | {CACHE_GOALS['fast']} |\n"
    )


def build_seconds(before: list[str], decoding: str) -> float:
    """The time of one cold building of the cache."""
    place = FOLDER / "measured-cache"
    shutil.rmtree(place, ignore_errors=True)
    manifest = FOLDER / "tiles" / "manifest.csv"
    command = [*before, sys.executable, "-c", BUILD, str(manifest), str(place), decoding]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(place)
    return float(found.stdout)


def training_table(models: list[str], repeats: int | None) -> None:
    """Print what an epoch of her2bench is worth beside the peers."""
    print(
        "| an epoch at 299 px | against notebook | goal | against dataloader | share of the limit "
        "| goal | first epoch with cache, notebook's = 1 | loss: largest relative difference "
        "| peak memory, GB: notebook, ours | computed |"
    )
    print("| " + " | ".join(["---"] * 10) + " |")
    for model in models:
        runs: dict[str, list[dict]] = defaultdict(list)
        peer("her2bench", model, epochs=1)  # lets the self-test choose, and warms the disk
        for repeat in range(repeats or REPEATS[model]):
            for name, epochs in EPOCHS.items():
                if name == "dataloader" and repeat:
                    continue  # slow, and no goal hangs on it
                if name == "her2bench":
                    shutil.rmtree(FOLDER / "tiles" / "cache", ignore_errors=True)
                runs[name].append(peer(name, model, epochs))
        plain = peer("her2bench-plain", model, EPOCHS["notebook"])
        runs["her2bench-plain"] = [plain]  # for its losses alone, the same in every run
        print(training_row(model, runs), flush=True)


def peer(name: str, model: str, epochs: int) -> dict:
    """One run of a peer."""
    return peer_on(FOLDER / "tiles", TILES[model], name, model, epochs)


def peer_on(folder: Path, tiles: tuple[int, int], name: str, model: str, epochs: int) -> dict:
    """One run of a peer on a phantom's first tiles, for training and for validation."""
    train, validation = tiles
    command = [sys.executable, "-m", "benchmarks.peers", name, model, str(folder)]
    command += ["--train", str(train), "--validation", str(validation), "--epochs", str(epochs)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout.splitlines()[-1])


def training_row(model: str, runs: dict[str, list[dict]]) -> str:
    """One network's row of the table."""
    later = {
        name: median(seconds for run in each for seconds in run["seconds"][1:])
        for name, each in runs.items()
    }
    first = {
        name: median(run["ready"] + run["seconds"][0] for run in each)
        for name, each in runs.items()
    }
    ours, (faster, share) = later["her2bench"], GOALS[model]
    pairs = itertools.product(runs["her2bench-plain"], runs["notebook"])
    losses = [loss_difference(mine, theirs) for mine, theirs in pairs]
    memory = [median(run["peak_gb"] for run in runs[name]) for name in ("notebook", "her2bench")]
    cells = [
        model,
        f"{later['notebook'] / ours:.2f}",
        f"{faster}",
        f"{later['dataloader'] / ours:.2f}",
        f"{later['limit'] / ours:.0%}",
        f"{share:.0%}",
        f"{first['her2bench'] / first['notebook']:.2f}",
        f"{max(losses):.1e}",
        f"{memory[0]:.1f}, {memory[1]:.1f}",
        runs["her2bench"][0]["compute"],
    ]
    return "| " + " | ".join(cells) + " |"


def losses_table(models: list[str]) -> None:
    """Print how far the losses are from the notebook's, computed plainly."""
    folder = drawn("few-tiles", FEW)
    print("| two epochs | training tiles | loss: largest relative difference |")
    print("| --- | --- | --- |")
    for model in models:
        names = ("notebook", "her2bench-plain")
        tiles = FEW_TILES[model]
        theirs, mine = (peer_on(folder, tiles, name, model, epochs=2) for name in names)
        print(f"| {model} | {tiles[0]} | {loss_difference(mine, theirs):.1e} |", flush=True)


def loss_difference(mine: dict, theirs: dict) -> float:
    """The largest relative difference of an epoch's loss."""
    pairs = zip(mine["losses"], theirs["losses"], strict=True)
    return max(abs(a / b - 1) for a, b in pairs)


if __name__ == "__main__":
    main()

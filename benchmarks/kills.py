"""A comparison killed at many moments: is a finished run lost, does a result differ?

    python -m benchmarks.kills --moments 40

A small comparison is started, killed after a random time and started again in the same folder,
until it ends by itself; then the next one begins, until so many kills are done. Every third kill
waits for the next file that is being written; every fifth is a SIGTERM. A finished run is lost if
its DONE is gone or written again later. At each end predictions, table and scores are compared
with those of a run in one piece.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import polars as pl
import tomli_w

from benchmarks.corruption import CONFIG, MEASURED, quick
from her2bench.cli.main import main as her2bench
from her2bench.core.atomic_io import TEMPORARY
from her2bench.core.runs import ComparisonFolder
from her2bench.phantom import PhantomSettings, write_phantom

SEEDS = [0, 1]


def started(arguments: list[str]) -> None:
    """The command, in a process that has imported everything already."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.argv = ["her2bench", *arguments]
    with quick():
        her2bench()


class Kills:
    """A small comparison, and what kills have done to it."""

    def __init__(self, root: Path) -> None:
        phantom = PhantomSettings(slides=12, tiles_per_slide=2, size=64)
        write_phantom(root / "tiles", phantom, workers=1)
        self.root, self.lost, self.different, self.kills = root, 0, 0, 0
        self.while_writing = self.ended = 0
        settings = {"manifest": str(root / "tiles" / "manifest.csv"), **CONFIG, "seeds": SEEDS}
        (root / "config.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        whole = "forkserver" in multiprocessing.get_all_start_methods()
        self.processes = multiprocessing.get_context("forkserver" if whole else "spawn")
        if whole:
            self.processes.set_forkserver_preload(["benchmarks.corruption"])
        self.started(root / "first").join()  # the caches are made once, and modules imported
        start = time.monotonic()
        self.started(root / "whole").join()
        self.seconds = time.monotonic() - start
        self.expected = self.results(root / "whole")

    def started(self, out: Path) -> BaseProcess:
        """The comparison, begun or going on in a process of its own."""
        command = ["compare", str(self.root / "config.toml"), "-o", str(out), "--device", "cpu"]
        command += ["--cache", str(self.root / "cache"), "--no-audit"]
        process = self.processes.Process(target=started, args=(command,))
        process.start()
        return process

    def until_ended(self, out: Path, moments: int, drawn: random.Random) -> None:
        """Kill a comparison until it has ended by itself, or so many kills are done."""
        done: dict[Path, int] = {}
        while True:
            process = self.started(out)
            if self.kills >= moments or not self._killed(process, out, drawn):
                process.join()
                break
            done = self._still_done(out, done)
        self._still_done(out, done)
        self.ended += 1
        same = process.exitcode == 0 and self.results(out) == self.expected
        self.different += not same

    def _killed(self, process: BaseProcess, out: Path, drawn: random.Random) -> bool:
        """Whether a process was killed at a random moment, before it ended."""
        process.join(drawn.uniform(0, self.seconds))
        writing = self.kills % 3 == 0
        while writing and process.is_alive() and not _writing(out):
            pass
        if not process.is_alive():
            return False
        (process.terminate if self.kills % 5 == 4 else process.kill)()
        process.join()
        self.kills += 1
        self.while_writing += writing
        return True

    def _still_done(self, out: Path, before: dict[Path, int]) -> dict[Path, int]:
        now = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/*/DONE")}
        self.lost += sum(now.get(path) != stamp for path, stamp in before.items())
        return now

    def tell(self) -> None:
        """Say what came of the kills so far."""
        kills = f"{self.kills} kills ({self.while_writing} of them while a file was written)"
        ended = f"in {self.ended} comparisons of {self.seconds:.1f} s"
        found = f"{self.lost} finished runs lost, {self.different} results different"
        print(f"{kills}, {ended}: {found}", flush=True)

    def results(self, out: Path) -> list[object]:
        """Predictions, table and scores, but for the seconds that they took."""
        folder = ComparisonFolder(out)
        table = pl.read_csv(folder.table).drop(MEASURED)
        predictions = pl.read_parquet(folder.predictions).rows()
        return [predictions, table.rows(), json.loads(folder.scores.read_bytes())]


def _writing(out: Path) -> bool:
    """Whether a file is being written beside its place."""
    try:
        return any(out.rglob(f"{TEMPORARY}*/*"))
    except FileNotFoundError:  # renamed while it was looked into
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=40)
    moments = parser.parse_args().moments
    with tempfile.TemporaryDirectory() as root:
        kills, drawn = Kills(Path(root)), random.Random(0)
        while kills.kills < moments:
            kills.until_ended(Path(root) / f"out-{kills.ended}", moments, drawn)
            kills.tell()


if __name__ == "__main__":
    main()

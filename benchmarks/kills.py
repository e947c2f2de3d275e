"""A comparison killed at many moments: is a finished run lost, does a result differ?

    python -m benchmarks.kills --moments 40

A small comparison is started, killed after a random time and started again in the same folder,
until it ends by itself; then the next one begins, until so many kills are done. A finished run is
lost if its DONE is gone or written again later. At each end the predictions are compared with
those of a run in one piece.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import tomli_w

from benchmarks.corruption import CONFIG
from her2bench.core.runs import ComparisonFolder
from her2bench.data.phantom import PhantomSettings, write_phantom

# A state is left out where writing it is thought to take too long; here it takes no time.
LAUNCHER = """
from her2bench.cli.main import main
from her2bench.training import checkpoint
checkpoint._BYTES_PER_SECOND = 1e18
main()
"""


class Kills:
    """A small comparison, and what kills have done to it."""

    def __init__(self, root: Path) -> None:
        phantom = PhantomSettings(slides=12, tiles_per_slide=2, size=64)
        write_phantom(root / "tiles", phantom, workers=1)
        self.root, self.lost, self.different = root, 0, 0
        settings = {"manifest": str(root / "tiles" / "manifest.csv"), **CONFIG}
        settings["seeds"] = [0, 1, 2]
        (root / "config.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        self.started(root / "warm").wait()  # the self-test and the caches are made once
        start = time.monotonic()
        self.started(root / "whole").wait()
        self.seconds = time.monotonic() - start
        self.expected = pl.read_parquet(ComparisonFolder(root / "whole").predictions)

    def started(self, out: Path) -> subprocess.Popen:
        """The command, in a process of its own."""
        command = [sys.executable, "-c", LAUNCHER, "compare", str(self.root / "config.toml")]
        command += ["-o", str(out), "--device", "cpu", "--cache", str(self.root / "cache")]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until_ended(self, out: Path, moments: int, drawn: random.Random) -> int:
        """Kill a comparison at most so often until it has ended; returns the kills."""
        kills, done = 0, {}
        while True:
            process = self.started(out)
            try:
                process.wait(drawn.uniform(0, self.seconds) if kills < moments else None)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
            done = self._still_done(out, done)
        self._still_done(out, done)
        found = ComparisonFolder(out).predictions
        ended = process.returncode == 0 and pl.read_parquet(found).equals(self.expected)
        self.different += not ended
        return kills

    def _still_done(self, out: Path, before: dict[Path, int]) -> dict[Path, int]:
        now = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/*/DONE")}
        self.lost += sum(now.get(path) != stamp for path, stamp in before.items())
        return now


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=40)
    moments = parser.parse_args().moments
    with tempfile.TemporaryDirectory() as root:
        kills, drawn, total, folders = Kills(Path(root)), random.Random(0), 0, 0
        while total < moments:
            total += kills.until_ended(Path(root) / f"out-{folders}", moments - total, drawn)
            folders += 1
    print(f"{total} kills in {folders} comparisons: {kills.lost} finished runs lost, ", end="")
    print(f"{kills.different} results different")


if __name__ == "__main__":
    main()

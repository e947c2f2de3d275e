"""Every kept file damaged in many ways: does a wrong result ever come out of it?

    python -m benchmarks.corruption              every file in every way
    python -m benchmarks.corruption --share 0.1  a tenth of them, drawn at random

A small comparison is kept in two states: finished, and stopped in the middle of a training. One
file of it or of the caches is cut, emptied, replaced by another comparison's, or has bytes
flipped: 1, 64 or many, at its start, middle and end. Then its results are read, and the command
is given again. Each must either refuse the folder by a message, or give the undisturbed results.
"""

import argparse
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import torch

from her2bench.comparison import results
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.data.audit.audit import EXTRACTS
from her2bench.data.audit.observations import observe
from her2bench.data.phantom import PhantomSettings, write_phantom
from her2bench.prediction.trained import load_trained
from her2bench.report.material import read_material
from her2bench.training import checkpoint

CONFIG = {
    "models": ["lenet"],
    "baselines": ["always_positive"],
    "seeds": [0, 1],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.25, "test": 0.25},
    "recipe": {"epochs": 3, "batch": 16, "learning_rates": [1e-4, 3e-4]},
    "score": {"bootstrap": 0, "flips": 99},
}
# What is only looked at: it holds no result that anything reads again.
PICTURES = ("figures", "gallery", "report.html", "cards", ".lock")
WRONG = ("different", "traceback")


class Stopped(Exception):
    """Ends a comparison in the middle of a training."""


class Stopper(Watcher):
    """Stops in the second epoch of the second learning rate of seed 1."""

    def epoch(self, job, row) -> None:
        if (job.seed, row["learning_rate"], row["epoch"]) == (1, 3e-4, 1):
            raise Stopped


@dataclass(frozen=True)
class Damage:
    """One file of a state (`finished` or `stopped`) with other content."""

    state: str
    file: str
    kind: str
    content: bytes


class Campaign:
    """The undisturbed states in a folder, and what comes of damage to them."""

    def __init__(self, root: Path) -> None:
        self.root, self.last_error = root, None
        phantom = PhantomSettings(slides=12, tiles_per_slide=2, size=64)
        write_phantom(root / "tiles", phantom, workers=1)
        self.manifest = root / "tiles" / "manifest.csv"
        self._make("other", Watcher(), split={"seed": 1, **CONFIG["split"]}, seeds=[2, 3])
        self._make("finished", Watcher())
        self._make("stopped", Stopper())
        self.expected = self.results(root / "finished")
        self.weights = self._weights(root / "finished")
        self.noted = self._observed(root / "finished")

    def damages(self) -> Iterator[Damage]:
        """All of them."""
        for state in ("finished", "stopped"):
            for path in sorted((self.root / state).rglob("*")):
                name = path.relative_to(self.root / state)
                again = state == "stopped" and name.parts[0] == "cache"  # the same as finished
                if path.is_file() and not again and not set(name.parts) & set(PICTURES):
                    for kind, content in self._damaged(path):
                        yield Damage(state, str(name), kind, content)

    def outcome(self, damage: Damage) -> str:
        """What reading and going on came to: same, refused, different or traceback."""
        with tempfile.TemporaryDirectory(dir=self.root) as room:
            state = Path(room) / "state"
            shutil.copytree(self.root / damage.state, state)
            (state / damage.file).write_bytes(damage.content)
            read = self._judged(lambda: self._read(state))
            again = self._judged(lambda: self._again(state))
        found = {read, again}
        return next((o for o in ("traceback", "different", "refused") if o in found), "same")

    def _judged(self, question) -> str:
        try:
            return "same" if question() else "different"
        except UserError:
            return "refused"
        except Exception as error:  # noqa: BLE001 - it is here to find any
            self.last_error = error
            return "traceback"

    def _read(self, state: Path) -> bool:
        """Whether readers get what was written: the report, `predict`, the audit."""
        folder = ComparisonFolder(state / "out")
        if folder.config.is_file() and folder.scores.is_file():
            read = read_material(folder).predictions.select(self.expected[0].columns)
            if not read.equals(self.expected[0]):
                return False
        same = True
        for *key, run in folder.finished_runs():
            if tuple(key) in self.weights:
                state_dict = load_trained(run, torch.device("cpu"))[0].state_dict()
                same &= all(torch.equal(state_dict[k], v) for k, v in self.weights[*key].items())
        return same

    def _again(self, state: Path) -> bool:
        with quick():
            compare(self.config(), state / "out", self._choices(state), Watcher())
        found, expected = self.results(state), self.expected
        same = all(a.equals(b) for a, b in zip(found, expected, strict=True))
        noted = self._observed(state)
        return same and all(np.array_equal(noted[k], v) for k, v in self.noted.items())

    def _make(self, state: str, watcher: Watcher, **changes) -> None:
        folder = self.root / state
        with quick(), suppress(Stopped):
            compare(self.config(**changes), folder / "out", self._choices(folder), watcher)
        self._observed(folder)

    def config(self, **changes) -> ComparisonConfig:
        return settings_from(
            ComparisonConfig, {"manifest": str(self.manifest), **CONFIG, **changes}, "campaign"
        )

    def _choices(self, state: Path) -> Choices:
        return Choices("cpu", state / "cache", audit=False)

    def _observed(self, state: Path) -> dict[str, np.ndarray]:
        fields = observe(read_manifest(self.manifest), EXTRACTS, state / "cache").fields
        return {name: np.array(values) for name, values in fields.items()}

    def results(self, state: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
        folder = ComparisonFolder(state / "out")
        table = pl.read_csv(folder.table).drop("train_seconds", "tiles_per_second")
        return pl.read_parquet(folder.predictions), table

    def _weights(self, state: Path) -> dict:
        runs = ComparisonFolder(state / "out").finished_runs()
        read = {
            tuple(key): load_trained(run, torch.device("cpu"))[0].state_dict()
            for *key, run in runs
            if run.weights.is_file()
        }
        return read

    def _damaged(self, path: Path) -> Iterator[tuple[str, bytes]]:
        whole = path.read_bytes()
        yield "emptied", b""
        for kept in {1, len(whole) // 2, len(whole) - 1}:
            yield f"cut to {kept} bytes", whole[:kept]
        drawn = random.Random(str(path.name))
        for count in (1, 64, max(65, len(whole) // 5)):
            for where in ("start", "middle", "end"):
                yield f"{count} bytes flipped at the {where}", flipped(whole, count, where, drawn)
        for kind, other in self._others(path):
            if other.is_file() and other.read_bytes() != whole:
                yield kind, other.read_bytes()

    def _others(self, path: Path) -> Iterator[tuple[str, Path]]:
        """Files of the same kind of other runs, and of another comparison."""
        text = str(path)
        for this, that in (("seed-0", "seed-1"), ("seed-1", "seed-0")):
            yield "another run's", Path(text.replace(this, that))
            yield "the finished run's", Path(text.replace("stopped", "finished"))
        for state in ("stopped", "finished"):
            other = text.replace(f"/{state}/", "/other/")
            yield "another comparison's", Path(other)
            yield "another comparison's", Path(other.replace("seed-0", "seed-2"))
        other = text.replace("state.", "kept.").replace("rate-0.0003", "rate-0.0001")
        yield "another rate's", Path(other)


def flipped(content: bytes, count: int, where: str, drawn: random.Random) -> bytes:
    """So many bytes in a row changed, each by a random pattern of bits."""
    count = min(count, len(content))
    start = {"start": 0, "middle": (len(content) - count) // 2, "end": len(content) - count}[where]
    changed = bytearray(content)
    for i in range(start, start + count):
        changed[i] ^= drawn.randrange(1, 256)
    return bytes(changed)


@contextmanager
def quick() -> Iterator[None]:
    """Every epoch's state is written, and no pictures are drawn."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(checkpoint, "_BYTES_PER_SECOND", 1e18))
        stack.enter_context(patch.object(results, "write_report"))
        stack.enter_context(patch.object(results, "draw_gallery"))
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of all damages")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        campaign = Campaign(Path(root))
        damages = list(campaign.damages())
        damages = random.Random(0).sample(damages, max(1, round(given.share * len(damages))))
        counts: Counter[str] = Counter()
        for damage in damages:
            outcome = campaign.outcome(damage)
            counts[outcome] += 1
            if outcome in WRONG:
                print(f"{outcome}: {damage.state}, {damage.file}, {damage.kind}", flush=True)
    print(f"{len(damages)} damages: " + ", ".join(f"{n} {o}" for o, n in counts.most_common()))


if __name__ == "__main__":
    main()

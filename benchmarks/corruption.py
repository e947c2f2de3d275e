"""Every kept file damaged in many ways: does it ever give a wrong result?

    python -m benchmarks.corruption           every file in every way
    python -m benchmarks.corruption --each 1  of each kind of file one way, drawn at random

A small comparison, one of its images broken, is kept in two states: finished, with audit and
random tiles, and stopped in the middle of a training. One file of it or of the caches is cut,
emptied, replaced by another comparison's, or has bytes flipped: 1, 64 or many, at its start,
middle and end. Then the folder is served and a tile judged, its report written again, and the
command given again. Each must either refuse by a message, or give the undisturbed results.
"""

import argparse
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import torch
from fastapi.testclient import TestClient

from benchmarks.damages import Damage, contents, drawn
from her2bench.audit.features.extraction import observe
from her2bench.audit.run import EXTRACTS
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.report.figures.figure_set import Figures
from her2bench.report.pages import report_page as page
from her2bench.report.sections import operating
from her2bench.training import checkpoint
from her2bench.web.app import create_app
from her2bench.web.service import opened_service

CONFIG = {
    "models": ["lenet"],
    "baselines": ["always_positive"],
    "seeds": [0, 1],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.25, "test": 0.25},
    "recipe": {"epochs": 2, "batch": 16, "learning_rates": [1e-4, 3e-4]},
    "score": {"bootstrap": 0, "flips": 99},
}
# What is only looked at: it holds no result that anything reads again.
MEASURED = (  # of table.csv: never the same
    *(
        "train_seconds",
        "train_seconds_total",
        "tuning_seconds",
        "tiles_per_second",
        "predict_tiles_per_second",
    ),
    *("peak_memory_gb", "peak_device_memory_gb"),
)
PICTURES = ("figures", "card.md", "audit.html", ".lock")
WRONG = ("traceback", "different")


class Stopped(Exception):
    """Ends a comparison in the middle of a training."""


class Stopper(Watcher):
    """Stops in the second epoch of the second learning rate of seed 1."""

    def epoch(self, job, row) -> None:
        if (job.seed, row["learning_rate"], row["epoch"]) == (1, 3e-4, 1):
            raise Stopped


class Campaign:
    """The undisturbed states in a folder, and what comes of damage to them."""

    def __init__(self, root: Path, optimism: bool = True) -> None:
        self.root, self.optimism, self.last_error = root, optimism, None
        phantom = PhantomSettings(slides=12, tiles_per_slide=2, size=64)
        write_phantom(root / "tiles", phantom, workers=1)
        self.manifest = root / "tiles" / "manifest.csv"
        first, *_, last = (root / "tiles" / path for path in pl.read_csv(self.manifest)["path"])
        self.tile = last.read_bytes()
        first.write_bytes(b"no image")
        self._make("other", Watcher(), split={"seed": 1, **CONFIG["split"]}, seeds=[2, 3])
        self._make("finished", Watcher())
        self._make("stopped", Stopper())
        self.expected = self.results(root / "finished")
        self.noted = self._observed(root / "finished")
        self.read = {state: self._undisturbed(state) for state in ("finished", "stopped")}

    def damages(self) -> Iterator[Damage]:
        """All of them."""
        for state in ("finished", "stopped"):
            for path in sorted((self.root / state).rglob("*")):
                name = path.relative_to(self.root / state)
                again = state == "stopped" and name.parts[0] == "cache"  # the same as finished
                if path.is_file() and not again and not set(name.parts) & set(PICTURES):
                    for kind, content in contents(path):
                        yield Damage(state, str(name), kind, content)

    def outcome(self, damage: Damage) -> str:
        """The outcome of reading the damaged state and of running the command again.

        `same`; `fixed`: readers refuse, the command given again fixes it; `refused`, by the
        command too; `different` or `traceback` anywhere.
        """
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            state = Path(folder) / "state"
            shutil.copytree(self.root / damage.state, state)
            (state / damage.file).write_bytes(damage.content)
            read = {
                self._judged(partial(reader, state, self.tile), self.read[damage.state][reader])
                for reader in READERS
            }
            again = self._judged(partial(self._again, state, damage.state), True)
        wrong = next((outcome for outcome in WRONG if outcome in read | {again}), None)
        return wrong or ("fixed" if again == "same" and "refused" in read else again)

    def _judged(self, question: Callable[[], object], expected: object) -> str:
        try:
            return "same" if question() == expected else "different"
        except UserError:
            return "refused"
        except Exception as error:  # noqa: BLE001 - it is here to find any
            self.last_error = error
            return "traceback"

    def _undisturbed(self, state: str) -> dict[Callable, object]:
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            shutil.copytree(self.root / state, Path(folder) / "state")
            return {reader: reader(Path(folder) / "state", self.tile) for reader in READERS}

    def _again(self, state: Path, name: str) -> bool:
        with quick():
            compare(self.config(), state / "out", self._choices(state, name), Watcher())
        found, expected = self.results(state), self.expected
        same = all(a.equals(b) for a, b in zip(found, expected, strict=True))
        noted = self._observed(state)
        return same and all(np.array_equal(noted[k], v) for k, v in self.noted.items())

    def _make(self, state: str, watcher: Watcher, **changes) -> None:
        folder = self.root / state
        with quick(), suppress(Stopped):
            choices = self._choices(folder, state)
            compare(self.config(**changes), folder / "out", choices, watcher)
        self._observed(folder)

    def config(self, **changes) -> ComparisonConfig:
        return settings_from(
            ComparisonConfig, {"manifest": str(self.manifest), **CONFIG, **changes}, "campaign"
        )

    def _choices(self, folder: Path, state: str) -> Choices:
        optimism = self.optimism and state == "finished"
        return Choices("cpu", folder / "cache", skip_bad=True, optimism=optimism)

    def _observed(self, state: Path) -> dict[str, np.ndarray]:
        fields = observe(read_manifest(self.manifest), EXTRACTS, state / "cache").fields
        return {name: np.array(values) for name, values in fields.items()}

    def results(self, state: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
        folder = ComparisonFolder(state / "out")
        table = pl.read_csv(folder.table).drop(MEASURED)
        return pl.read_parquet(folder.predictions), table


def served(state: Path, tile: bytes) -> list[object]:
    """What `serve` shows and answers; a report that it refuses to show is refused."""
    folder = ComparisonFolder(state / "out")
    service = opened_service(folder, torch.device("cpu"))
    with TestClient(create_app(folder, service), base_url="http://127.0.0.1:8000") as client:
        shown = client.get("/")
        answer = client.post("/predict", files={"files": tile})
    if shown.status_code == 404 and "damaged" in shown.text:
        raise UserError(folder.report, found=shown.text)
    return [shown.status_code, shown.content, answer.status_code, answer.content]


def reported(state: Path, tile: bytes) -> str:
    """The report, written again."""
    folder = ComparisonFolder(state / "out")
    if not folder.config.is_file():
        return ""
    with quick():
        return page.write_report(folder).read_text(encoding="utf-8")


READERS = (served, reported)


@contextmanager
def quick() -> Iterator[None]:
    """Every epoch's state is written, and little is drawn."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(checkpoint, "_BYTES_PER_SECOND", 1e18))
        none = Figures(None, None, None, None, [], None, None, [])
        stack.enter_context(patch.object(page, "draw_all", return_value=none))
        stack.enter_context(patch.object(operating, "POSITIONS", (0.5,)))
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, help="damages of a kind of file; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        campaign = Campaign(Path(root))
        damages = drawn(campaign.damages(), given.each, random.Random(given.seed))
        counts: Counter[str] = Counter()
        for damage in damages:
            outcome = campaign.outcome(damage)
            counts[outcome] += 1
            if outcome in WRONG:
                print(f"{outcome}: {damage.state}, {damage.file}, {damage.kind}", flush=True)
                print(f"  {campaign.last_error!r}" if outcome == "traceback" else "", flush=True)
    print(f"{len(damages)} damages: " + ", ".join(f"{n} {o}" for o, n in counts.most_common()))


if __name__ == "__main__":
    main()

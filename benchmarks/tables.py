"""Tables of rates, each cell simulated on its own, on as many cores as asked."""

import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages import into_page

Rates = dict[str, float]
Simulate = Callable[[Any, int, np.random.Generator], Rates]
Target = tuple[float, float]
ANY: Target = (0.0, 1.0)
COVERS: Target = (0.93, 0.97)
COVERS_OF_FEW: Target = (0.93, 0.985)  # with 20 slides and fewer
WRONG: Target = (0.0, 0.06)


@dataclass
class Tables:
    """Markdown tables, and whether every cell with a target met it.

    Args:
        repeats: simulated studies of a cell.
        pool: where they are simulated.
    """

    repeats: int
    pool: Executor
    lines: list[str] = field(default_factory=list)
    missed: int = 0
    studies: int = 0
    seconds: float = 0.0

    def start(self, simulate: Simulate, study: Any, share: float = 1.0) -> "Future[Any]":
        """Begin one cell; its random numbers depend on the study alone.

        Args:
            simulate: from a study, repeats and a generator to rates.
            study: what is simulated.
            share: of the repeats.
        """
        self.studies += 1
        return self.pool.submit(_timed, simulate, study, max(round(self.repeats * share), 20))

    def rates(self, started: "Future[Any]") -> Rates:
        """Wait for a cell."""
        rates, seconds = started.result()
        self.seconds += seconds
        return rates

    def head(self, title: str, columns: list[str]) -> None:
        self.lines += ["", title, "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]

    def row(self, cells: list[str]) -> None:
        self.lines.append(f"| {' | '.join(cells)} |")
        print(self.lines[-1], flush=True)

    def cell(self, value: float, target: Target = ANY) -> str:
        """A rate in per cent, marked where it misses its target."""
        missed = not target[0] <= value <= target[1]
        self.missed += missed
        return f"{100 * value:.1f}{' !' if missed else ''}"

    def cells(self, rates: Rates, targets: Mapping[str, Target]) -> str:
        """Several rates of one study, with a dot between."""
        return " · ".join(self.cell(rates[name], target) for name, target in targets.items())

    @property
    def summary(self) -> str:
        """What the table took and how many rates missed their goals."""
        return (
            f"{self.studies} cells, {self.repeats} repeats: {self.seconds / 60:.1f} minutes of one "
            f"core; {self.missed} of the rates with a goal miss it."
        )


def _timed(simulate: Simulate, study: Any, repeats: int) -> tuple[Rates, float]:
    started = time.process_time()
    rates = simulate(study, repeats, np.random.default_rng(zlib.crc32(repr(study).encode())))
    return rates, time.process_time() - started


def covers(slides: int) -> Target:
    """The goal of a ROC-AUC's interval."""
    return COVERS if slides > 20 else COVERS_OF_FEW


def write(tables: Tables, path: Path, name: str) -> None:
    """Put a table into a page, between its two marks."""
    into_page(path, f"validity: {name}", [*tables.lines, "", tables.summary])

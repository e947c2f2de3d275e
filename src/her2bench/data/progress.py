"""Waiting for many pieces of work, with a progress bar on a terminal."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, as_completed
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, track

from her2bench.core.machine import usable_cores

T = TypeVar("T")


def threads() -> int:
    """How many threads keep every core busy (Pillow decodes and resizes outside Python's lock)."""
    return usable_cores()


def follow(futures: Collection[Future], label: str) -> None:
    """Wait for all futures under a progress bar on stderr (silent when that is not a terminal).

    Raises:
        whatever the first failed one raised.
    """
    console = Console(stderr=True)
    finished = track(
        as_completed(futures),
        label,
        total=len(futures),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for future in finished:
        future.result()


def step_by_step(steps: Mapping[str, T], label: str) -> Iterator[tuple[str, T]]:
    """Yield each step with its name under a progress bar that names it (silent as `follow` is)."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=len(steps))
        for name, step in steps.items():
            bar.update(task, description=f"{label}: {name}")
            yield name, step
            bar.advance(task)

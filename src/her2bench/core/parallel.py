"""Many pieces of work on all cores, with a progress bar on a terminal."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from her2bench.core.console import progress
from her2bench.core.machine import usable_cores

T = TypeVar("T")


def threads() -> int:
    """How many threads keep every core busy (Pillow decodes and resizes outside Python's lock)."""
    return usable_cores()


@contextmanager
def workers(number: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """A thread for each core; when the block is left, nothing is begun that has not begun."""
    pool = ThreadPoolExecutor(number or threads())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def follow(futures: Collection[Future], label: str) -> None:
    """Wait for all futures under a progress bar on stderr (silent when that is not a terminal).

    Raises:
        whatever the first failed one raised.
    """
    with progress() as bar:
        task = bar.add_task(label, total=len(futures))
        for future in as_completed(futures):
            future.result()
            bar.advance(task)


def step_by_step(steps: Mapping[str, T], label: str) -> Iterator[tuple[str, T]]:
    """Yield each step with its name under a progress bar that names it (silent as `follow` is)."""
    with progress() as bar:
        task = bar.add_task(label, total=len(steps))
        for name, step in steps.items():
            bar.update(task, description=f"{label}: {name}")
            yield name, step
            bar.advance(task)

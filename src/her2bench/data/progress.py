"""Waiting for many pieces of work, with a progress bar on a terminal."""

from collections.abc import Collection
from concurrent.futures import Future, as_completed

from rich.console import Console
from rich.progress import track

from her2bench.core.machine import usable_cores


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

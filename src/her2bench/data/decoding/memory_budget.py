"""Memory for decoded images, shared by all threads: large images wait for each other."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

BYTES_PER_PIXEL = 9
"""Pillow holds 4 bytes per pixel while the array of 3 is made; measured on 100 megapixels."""


class MemoryBudget:
    """An amount of memory shared by threads; a thread waits while too little is free.

    Args:
        size: bytes in all. A part larger than that gets all of it, alone.
    """

    def __init__(self, size: int) -> None:
        self.size, self.lent = size, 0
        self._changed = threading.Condition()

    def take(self, size: int) -> int:
        """Wait for so many bytes; returns how many to give back."""
        part = min(size, self.size)
        with self._changed:
            self._changed.wait_for(lambda: self.lent + part <= self.size)
            self.lent += part
        return part

    def give_back(self, part: int) -> None:
        """End the loan of `take`."""
        with self._changed:
            self.lent -= part
            self._changed.notify_all()

    @contextmanager
    def held(self, pixels: int) -> Iterator[None]:
        """Memory for an image of so many pixels while the block runs."""
        part = self.take(pixels * BYTES_PER_PIXEL)
        try:
            yield
        finally:
            self.give_back(part)


@functools.cache
def decoding_budget() -> MemoryBudget:
    """The budget of the process: half of the memory that is free at first use."""
    return MemoryBudget(psutil.virtual_memory().available // 2)

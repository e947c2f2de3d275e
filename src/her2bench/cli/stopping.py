"""Interruptions of a command: Ctrl-C, SIGTERM, a resource limit, a closed pipe."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_KEPT = {
    "compare": "finished runs are kept; run the same command again to resume",
    "predict": "finished slides are kept; run the same command again to resume",
    "serve": "",
}
_NOTHING_KEPT = "no partial output is left; run the same command again"
_PATIENCE = 2.0  # seconds: some wrappers send one Ctrl-C twice


class Stopped(BaseException):
    """A signal that ends the command; unlike KeyboardInterrupt, Typer does not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number

    def message(self, command: str) -> str:
        """What is kept and how to resume; may be empty."""
        kept = _KEPT.get(command, _NOTHING_KEPT)
        return f"stopped: {kept}" if kept else ""


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise Stopped inside the block; a second one, later, exits at once."""
    asked: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not asked:
            asked.append(time.monotonic())
            raise Stopped(number)
        if time.monotonic() - asked[0] > _PATIENCE:
            _show_cursor()
            os._exit(128 + number)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _show_cursor() -> None:
    """Progress bars hide it; leaving at once, they do not show it again."""
    if os.name == "posix" and sys.stderr.isatty():
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"\x1b[?25h")


_NO_MEMORY = ("can't allocate memory", "could not create a primitive")  # PyTorch's, oneDNN's


def shortage(error: BaseException) -> tuple[str, str] | None:
    """The exhausted resource and a hint, if the error is about one.

    >>> shortage(RuntimeError("can't start new thread"))[0]
    'no further thread or process can be started'
    """
    from her2bench.core.atomic_io import limit_of

    text = str(error)
    if isinstance(error, OSError):
        return limit_of(error)
    if "CUDA out of memory" in text or "MPS backend out of memory" in text:
        return "the memory of the GPU is full", "set a smaller batch or size, or --device cpu"
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return "the memory is full", "end other programs, or set a smaller batch or size"
    if "can't start new thread" in text:
        return (
            "no further thread or process can be started",
            "end other programs, or raise the limit (ulimit -u)",
        )
    return None


def flushed() -> bool:
    """Whether all printed output arrived; the rest is dropped without a traceback."""
    arrived = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            arrived = False
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
    return arrived

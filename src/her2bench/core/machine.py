"""What the machine offers a process: cores, and how much memory a piece of work took at most."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_RESET_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def usable_cores() -> int:
    """Cores this process may use: those it is bound to, within a container's quota, at least 1."""
    bound = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(bound, quota_cores(_QUOTA))


def quota_cores(path: Path) -> int:
    """The cores that a container's quota (cgroup v2, `cpu.max`) amounts to; many without one."""
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no container, or "max"
        return sys.maxsize


@dataclass
class PeakMemory:
    """The most memory that was held at once, bytes; 0 until it is known."""

    bytes: int = 0


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measure the most memory held while the block runs; known when it has ended.

    Linux can forget the peak before; elsewhere it is that of the process from its start.
    """
    with suppress(OSError):  # not Linux, or /proc is read-only
        _RESET_PEAK.write_text("5", encoding="ascii")
    peak = PeakMemory()
    try:
        yield peak
    finally:
        peak.bytes = _peak()


def _peak() -> int:
    if _STATUS.is_file():
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on macOS

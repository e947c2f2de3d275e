"""Choice of the device, and its peak memory usage."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from her2bench.core.errors import UserError
from her2bench.core.machine import PeakMemory, usable_cores
from her2bench.core.memory import keep_memory

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: an unknown name, or an unavailable device.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if there[device]))
    if name not in DEVICES:
        raise UserError("--device", found=repr(name), expected=f"one of {', '.join(DEVICES)}")
    if not there[name]:
        raise UserError(
            "--device",
            found=f"{name!r}, which this machine or this PyTorch does not have",
            hint="use --device auto",
        )
    return torch.device(name)


def ready_cpu() -> None:
    """Set up the CPU for large networks: keep freed memory, at most one thread per usable core."""
    keep_memory()
    if (
        torch.get_num_threads() > usable_cores()
    ):  # a container may have fewer cores than the machine
        torch.set_num_threads(usable_cores())


@contextmanager
def device_memory(device: torch.device) -> Iterator[PeakMemory]:
    """Measure the most memory that PyTorch held on a GPU while the block ran; 0 elsewhere."""
    peak = PeakMemory()
    if device.type != "cuda":
        yield peak
        return
    torch.cuda.reset_peak_memory_stats(device)
    yield peak
    peak.bytes = torch.cuda.max_memory_allocated(device)

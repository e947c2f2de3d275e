"""Which device to compute on."""

import torch

from her2bench.core.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: an unknown name, or a device this machine does not have.
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
            cure="use --device auto",
        )
    return torch.device(name)

"""The work of a network: multiply-adds for one tile."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def multiply_adds(model: nn.Module, size: int) -> int | None:
    """Multiply-adds of convolutions, linear layers and attention for a tile of `size` px.

    Counted by PyTorch on tensors without content, two operations as one. None where a network
    does something that such tensors cannot.

    >>> multiply_adds(nn.Sequential(nn.Conv2d(3, 2, 1, bias=False)), 4)
    96
    """
    try:
        empty = copy.deepcopy(model).to("meta").eval()
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            empty(torch.empty(1, 3, size, size, device="meta"))
    except (NotImplementedError, RuntimeError):
        return None
    return counter.get_total_flops() // 2

"""How a network is computed: choices that change speed and memory, and results by rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from her2bench.models.features import Features


@dataclass(frozen=True)
class Compute:
    """Choices that suit a network, a tile size and a machine.

    Attributes:
        channels_last: tiles laid out pixel by pixel instead of channel by channel.
        piece: tiles that the convolutions take at a time; None takes the batch whole.
    """

    channels_last: bool = False
    piece: int | None = None

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        batches = "whole batches" if self.piece is None else f"pieces of {self.piece}"
        return f"{layout}, {batches}"

    def set_on(self, model: nn.Module) -> None:
        """Tell the network's `Features` how to run."""
        for layer in model.modules():
            if isinstance(layer, Features):
                layer.piece = self.piece

    def laid_out(self, tiles: Tensor) -> Tensor:
        """Tiles (b, 3, h, w) in this memory layout; the weights follow by themselves."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return tiles.contiguous(memory_format=layout)


PLAIN = Compute()

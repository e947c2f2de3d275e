"""How a network is computed: options that affect speed and memory, and results only by rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from her2bench.models.features import Features


@dataclass(frozen=True)
class Compute:
    """Options chosen for a network, a tile size and a machine.

    Attributes:
        channels_last: memory format channels last instead of channels first.
        piece: tiles per pass of the convolutions; None: the whole batch.
    """

    channels_last: bool = False
    piece: int | None = None

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        batches = "whole batches" if self.piece is None else f"pieces of {self.piece}"
        return f"{layout}, {batches}"

    def set_on(self, model: nn.Module) -> None:
        """Set `piece` on the network's `Features`."""
        for layer in model.modules():
            if isinstance(layer, Features):
                layer.piece = self.piece

    def laid_out(self, tiles: Tensor) -> Tensor:
        """Tiles (b, 3, h, w) in this memory layout; the weights follow automatically."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return tiles.contiguous(memory_format=layout)


PLAIN = Compute()

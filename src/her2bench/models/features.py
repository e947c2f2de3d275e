"""A network's convolutions, which may take a batch in pieces."""

import torch
from torch import Tensor, nn


class Features(nn.Sequential):
    """A Sequential that computes the same, a few tiles at a time.

    Only for layers that treat each tile by itself: no batch normalisation. Dropout belongs after
    it, where the batch is whole again, so that it draws the same whatever the pieces.

    Attributes:
        piece: tiles at a time; None takes the batch whole.
    """

    piece: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        if self.piece is None or len(input) <= self.piece:
            return super().forward(input)
        return torch.cat([super(Features, self).forward(part) for part in input.split(self.piece)])

"""Layers that work through a batch piece by piece, so that what a piece needs stays in cache."""

import torch
from torch import Tensor, nn


class Pieces(nn.Sequential):
    """A Sequential that can take its batch in pieces and join what comes out.

    Only for layers that treat each tile by itself: no batch normalisation. Dropout belongs after
    it, where the batch is whole again, so that it draws the same whatever the pieces.

    Attributes:
        piece: tiles at a time; None takes the batch whole.
    """

    piece: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        if self.piece is None or len(input) <= self.piece:
            return super().forward(input)
        through = super().forward
        return torch.cat([through(part) for part in input.split(self.piece)])

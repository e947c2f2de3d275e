"""A network's convolutions, which can split a batch into pieces."""

import torch
from torch import Tensor, nn


class Features(nn.Sequential):
    """A Sequential that computes the same, a few tiles at a time.

    Only for layers that process each tile independently: no batch normalisation. Dropout belongs
    after it, on the whole batch, so that its random numbers do not depend on the pieces.

    Attributes:
        piece: tiles per pass; None: the whole batch.
    """

    piece: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        if self.piece is None or len(input) <= self.piece:
            return super().forward(input)
        return torch.cat([super(Features, self).forward(part) for part in input.split(self.piece)])

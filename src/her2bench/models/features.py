"""A network's convolutions, run in whatever order is quickest for the same result."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn


class Features(nn.Sequential):
    """A Sequential that can take its batch in pieces, and pool before it rectifies.

    Neither changes what it computes. Pooling and ReLU can change places, in value and gradient,
    bit for bit: both are monotonic, and where the greatest value of a window is not above 0, the
    gradient is 0 either way. ReLU then sees a quarter of the values or fewer. Features are only for
    layers that treat each tile by itself: no batch normalisation. Dropout belongs after it, where
    the batch is whole again, so that it draws the same whatever the pieces.

    Attributes:
        piece: tiles at a time; None takes the batch whole.
        pool_first: max-pooling before the ReLU in front of it.
    """

    piece: int | None = None
    pool_first: bool = False

    def forward(self, input: Tensor) -> Tensor:
        if self.piece is None or len(input) <= self.piece:
            return self._through(input)
        return torch.cat([self._through(part) for part in input.split(self.piece)])

    def _through(self, tiles: Tensor) -> Tensor:
        for layer in self._order():
            tiles = layer(tiles)
        return tiles

    def _order(self) -> Iterator[nn.Module]:
        layers = list(self)
        if self.pool_first:
            for i, (layer, following) in enumerate(pairwise(layers)):
                if isinstance(layer, nn.ReLU) and isinstance(following, nn.MaxPool2d):
                    layers[i : i + 2] = following, layer
        return iter(layers)

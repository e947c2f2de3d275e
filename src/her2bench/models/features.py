"""A network's convolutions, run in whatever order is quickest for the same result."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from her2bench.models.narrow import convolve_and_pool, is_narrow


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
        narrow: with `pool_first`, a convolution of few channels and its pooling in one.
    """

    piece: int | None = None
    pool_first: bool = False
    narrow: bool = False

    def forward(self, input: Tensor) -> Tensor:
        if self.piece is None or len(input) <= self.piece:
            return self._through(input)
        return torch.cat([self._through(part) for part in input.split(self.piece)])

    @property
    def has_narrow(self) -> bool:
        """Whether `narrow` has anything to do here."""
        return any(is_narrow(*pair) for pair in pairwise(_pooled_first(list(self))))

    def _through(self, tiles: Tensor) -> Tensor:
        for layer in self._order():
            tiles = layer(tiles)
        return tiles

    def _order(self) -> list[Callable[[Tensor], Tensor]]:
        layers = _pooled_first(list(self)) if self.pool_first else list(self)
        return _merged(layers) if self.narrow else [*layers]


def _pooled_first(layers: list[nn.Module]) -> list[nn.Module]:
    """Each ReLU in front of a max-pooling put behind it."""
    for i, (layer, following) in enumerate(pairwise(layers)):
        if isinstance(layer, nn.ReLU) and isinstance(following, nn.MaxPool2d):
            layers[i : i + 2] = following, layer
    return layers


def _merged(layers: list[nn.Module]) -> list[Callable[[Tensor], Tensor]]:
    """Each convolution of few channels and the pooling behind it as one."""
    merged: list[Callable[[Tensor], Tensor]] = [*layers]
    for i, (layer, following) in enumerate(pairwise(layers)):
        if isinstance(layer, nn.Conv2d) and is_narrow(layer, following):
            merged[i : i + 2] = partial(convolve_and_pool, layer), nn.Identity()
    return merged

"""A trained network with its preparation, as one module that other programs run."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, logsigmoid

from her2bench.models.ordinal import OrdinalNetwork
from her2bench.prediction.exported.metadata import ExportMetadata
from her2bench.prediction.normalization import Normalization


class TileClassifier(nn.Module):
    """Tiles (n, 3, height, width) → probability and logit, each (n,), of positive.

    Of an ordinal network also `scores` (n, 4), the probability of each score; positive is 2+ or
    more.

    Resized and normalised as in training. Values are rounded after each direction, as Pillow does
    for 8 bits; at `size` x `size` pixels resizing changes nothing.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, metadata: ExportMetadata) -> None:
        super().__init__()
        self.network, self.size = network, metadata.trained.size
        self.resizes, self.floats = metadata.any_size, metadata.pixels == "float"
        factor, shift = _per_channel(metadata.trained.preparation)
        self.register_buffer("factor", factor)
        self.register_buffer("shift", shift)

    def forward(self, tiles: Tensor) -> tuple[Tensor, ...]:
        pixels = tiles * 255 if self.floats else tiles.float()
        if self.resizes:
            pixels = _resized(pixels, (pixels.shape[2], self.size))
            pixels = _resized(pixels, (self.size, self.size))
        logits = self.network(pixels * self.factor + self.shift).flatten()
        if not isinstance(self.network, OrdinalNetwork):
            return torch.sigmoid(logits), logits
        return torch.sigmoid(logits), logits, score_logits(self.network, logits).exp()


class Classes(nn.Module):
    """Normalised tiles (n, 3, size, size) → (n, 2), whose softmax has our probability.

    Of an ordinal network (n, 4), whose softmax is the probability of each score.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        logits = self.network(tiles).flatten()
        if isinstance(self.network, OrdinalNetwork):
            return score_logits(self.network, logits)
        return torch.stack([torch.zeros_like(logits), logits], dim=1)


def score_logits(network: OrdinalNetwork, logits: Tensor) -> Tensor:
    """Outputs (n,) of an ordinal network → logarithms of the four probabilities (n, 4).

    σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)) for the cuts a above b.
    """
    first, second, third = (logits + distance for distance in network.cut_distances)
    low, high = (torch.log(-torch.expm1(step)) for step in network.cut_distances.diff())
    return torch.stack(
        [
            logsigmoid(-first),
            logsigmoid(first) + logsigmoid(-second) + low,
            logsigmoid(second) + logsigmoid(-third) + high,
            logsigmoid(third),
        ],
        dim=1,
    )


def _resized(pixels: Tensor, sides: tuple[int, int]) -> Tensor:
    smooth = interpolate(pixels, sides, mode="bilinear", align_corners=False, antialias=True)
    return torch.floor(smooth + 0.5)  # half up, as Pillow; torch.round takes the even neighbour


def _per_channel(prepare: Normalization) -> tuple[Tensor, Tensor]:
    """Factor and shift of a value in 0 to 255, each (3, 1, 1), as `Normalization` has them."""
    mean, std = torch.tensor([prepare.mean, prepare.std], dtype=torch.float64).view(2, 3, 1, 1)
    return (1 / (255 * std)).float(), (-mean / std).float()

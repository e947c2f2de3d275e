"""A convolution of few channels with the 2x2 max-pooling behind it, in one, quicker on a CPU.

The same numbers, to rounding, as `Conv2d` and `MaxPool2d(2)` one after the other. What is gained:

- A convolution to 6 channels fills 6 of the 16 lanes of a vector register; two neighbouring
  columns, taken as 12 channels, fill 12. With channels last, a picture whose columns are seen in
  pairs is the same memory; only the weights are laid out anew.
- Pooling compares whole columns, then whole rows, instead of one window after the other.

Shapes: tiles (b, i, h, w), weights (o, i, k, k), bias (o,); float32.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_FEW = 8  # channels: twice as many still fit the lanes


def is_narrow(layer: nn.Module, following: nn.Module) -> bool:
    """Whether `ConvolveAndPool` can stand for two layers, and may be worth it."""
    return (
        isinstance(layer, nn.Conv2d)
        and isinstance(following, nn.MaxPool2d)
        and layer.in_channels <= _FEW
        and _is_plain_square(layer)
        and (following.kernel_size, following.stride, following.padding) == (2, 2, 0)
        and (following.dilation, following.ceil_mode, following.return_indices) == (1, False, False)
    )


def _is_plain_square(layer: nn.Conv2d) -> bool:
    (height, width), padding = layer.kernel_size, layer.padding
    return (
        layer.bias is not None
        and height == width
        and (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1)
        and layer.padding_mode == "zeros"
        and isinstance(padding, tuple)
        and padding[0] == padding[1] < height
    )


def convolve_and_pool(convolution: nn.Conv2d, tiles: Tensor) -> Tensor:
    """Tiles (b, i, h, w), channels last, convolved and pooled (b, o, h', w')."""
    padding = convolution.padding[0]
    return ConvolveAndPool.apply(tiles, convolution.weight, convolution.bias, padding)


class ConvolveAndPool(Function):
    """Tiles, weights, bias and padding (pixels) → (b, o, h', w'); to be differentiated once."""

    @staticmethod
    def forward(ctx: Any, tiles: Tensor, weights: Tensor, bias: Tensor, padding: int) -> Tensor:
        ctx.padding, ctx.size, ctx.paired = padding, tiles.shape, len(weights) <= _FEW
        if ctx.paired:
            columns = (tiles.shape[-1] + 2 * padding - weights.shape[-1] + 1) // 2 * 2
            tiles = _padded_pairs(tiles, weights, padding, columns)
            pairs = F.conv2d(tiles, _paired(weights), bias.repeat(2), padding=(padding, 0))
            full = _columns(pairs)
        else:
            full = F.conv2d(tiles, weights, bias, padding=padding)
        ctx.full = full.shape
        pooled, right, lower = _pool(full)
        ctx.save_for_backward(tiles, weights, right, lower)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        tiles, weights, right, lower = ctx.saved_tensors
        full = _pool_back(grad_outputs[0], right, lower, ctx.full)
        of_tiles = None
        if ctx.needs_input_grad[0]:
            of_tiles = _tiles_back(full, weights, ctx.padding, ctx.size[-1])
        back = _paired_weights_back if ctx.paired else _weights_back
        return of_tiles, *back(full, tiles, weights, ctx.padding), None


def _pairs(picture: Tensor) -> Tensor:
    """(b, c, h, w) with even w → (b, 2c, h, w/2): each pair of columns as channels."""
    last = picture.permute(0, 2, 3, 1)
    b, h, w, c = last.shape
    return last.reshape(b, h, w // 2, 2 * c).permute(0, 3, 1, 2)


def _columns(pairs: Tensor) -> Tensor:
    """The inverse of `_pairs`."""
    last = pairs.permute(0, 2, 3, 1)
    b, h, w, c = last.shape
    return last.reshape(b, h, 2 * w, c // 2).permute(0, 3, 1, 2)


def _width(weights: Tensor) -> int:
    """Pairs of columns that a pair of a convolution's outputs sees: k + 1 columns, rounded up."""
    return (weights.shape[-1] + 2) // 2


def _padded_pairs(tiles: Tensor, weights: Tensor, padding: int, columns: int) -> Tensor:
    """What `_paired(weights)` must see, without further padding, for so many columns of output."""
    needed = columns + 2 * _width(weights) - 2
    return _pairs(F.pad(tiles, (padding, needed - padding - tiles.shape[-1])))


def _paired(weights: Tensor) -> Tensor:
    """Weights (2o, 2i, k, `_width`) that give the left and the right column of each pair."""
    o, i, k, _ = weights.shape
    spare = 2 * _width(weights) - k
    both = torch.stack([F.pad(weights, (side, spare - side)) for side in (0, 1)])
    split = both.reshape(2 * o, i, k, -1, 2).permute(0, 4, 1, 2, 3)
    return split.reshape(2 * o, 2 * i, k, -1).contiguous(memory_format=torch.channels_last)


def _paired_weights_back(
    full: Tensor, pairs: Tensor, weights: Tensor, padding: int
) -> tuple[Tensor, Tensor]:
    """The gradients of weights and bias, from the output's and the tiles in pairs."""
    paired, bias = _weights_back(_pairs(full), pairs, _paired(weights), padding, 0)
    o, i, k, _ = weights.shape
    left, right = paired.reshape(2, o, 2, i, k, -1).permute(0, 1, 3, 4, 5, 2).flatten(4)
    return left[..., :k] + right[..., 1 : k + 1], bias.view(2, o).sum(dim=0)


def _weights_back(
    full: Tensor, tiles: Tensor, weights: Tensor, *padding: int
) -> tuple[Tensor, Tensor]:
    """The gradients of weights and bias, from the output's and the tiles."""
    sides = [padding[0], padding[-1]]
    _, of_weights, of_bias = torch.ops.aten.convolution_backward(
        *(full, tiles, weights, [len(weights)], [1, 1], sides, [1, 1], False, [0, 0], 1),
        [False, True, True],
    )
    return of_weights, of_bias


def _tiles_back(full: Tensor, weights: Tensor, padding: int, columns: int) -> Tensor:
    """The tiles' gradient: the output's, convolved with the weights turned round."""
    turned = weights.flip(2, 3).transpose(0, 1)
    padding = turned.shape[-1] - 1 - padding
    pairs = _padded_pairs(full, turned, padding, columns + columns % 2)
    return _columns(F.conv2d(pairs, _paired(turned), padding=(padding, 0)))[..., :columns]


def _pool(full: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The greatest of each 2x2 window; 1 where it is in the right column, in the lower row."""
    left, right = _halves(full, 3)
    columns = torch.maximum(left, right)
    upper, lower = _halves(columns, 2)
    return torch.maximum(upper, lower), _greater(right, left), _greater(lower, upper)


def _pool_back(gradient: Tensor, right: Tensor, lower: Tensor, size: torch.Size) -> Tensor:
    """Each window's gradient, where its greatest value was; 0 elsewhere."""
    return _dealt(_dealt(gradient, lower, right.shape, 2), right, size, 3)


def _dealt(gradient: Tensor, second: Tensor, size: torch.Size, dim: int) -> Tensor:
    """To the second line of each pair where `second` is 1, else to the first."""
    whole = torch.empty(
        size, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last
    )
    whole.narrow(dim, size[dim] // 2 * 2, size[dim] % 2).zero_()  # an odd last line is not pooled
    one, two = _halves(whole, dim)
    # By multiplying: `torch.where` is several times slower.
    torch.mul(gradient, second, out=two)
    torch.sub(gradient, two, out=one)
    return whole


def _halves(picture: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The first and the second of each pair of lines."""
    even = picture.narrow(dim, 0, picture.shape[dim] // 2 * 2).unflatten(dim, (-1, 2))
    return even.select(dim + 1, 0), even.select(dim + 1, 1)


def _greater(one: Tensor, other: Tensor) -> Tensor:
    """1 where it is, else 0, as float32: to be multiplied by."""
    return torch.gt(one, other, out=torch.empty_like(one))

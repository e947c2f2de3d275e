"""A convolution of few channels and its pooling in one give what PyTorch's two layers give."""

import pytest
import torch
from torch import nn

from her2bench.models.narrow import convolve_and_pool, is_narrow

# in, out, kernel, padding, rows, columns, whether the tiles' gradient is wanted
LAYERS = [
    (3, 6, 5, 2, 33, 33, False),  # LeNet's first: pairs of columns, an odd last one
    (6, 16, 5, 0, 33, 33, True),  # LeNet's second: its tiles' gradient in pairs
    (3, 6, 4, 1, 30, 29, True),  # an even kernel
    (8, 4, 3, 0, 17, 16, True),
    (7, 16, 5, 2, 32, 31, True),
    (2, 40, 1, 0, 9, 8, True),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_values_and_gradients_are_those_of_the_two_layers(layer):
    i, o, kernel, padding, rows, columns, wanted = layer
    torch.manual_seed(0)
    convolution, pooling = nn.Conv2d(i, o, kernel, padding=padding), nn.MaxPool2d(2)
    assert is_narrow(convolution, pooling)
    tiles = torch.rand(3, i, rows, columns).contiguous(memory_format=torch.channels_last)
    tiles[..., : columns // 2] = 1.0  # empty glass: all of a window is the greatest
    tiles.requires_grad_(wanted)
    expected, found = pooling(convolution(tiles)), convolve_and_pool(convolution, tiles)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    gradient = torch.randn(expected.shape)
    sources = [*convolution.parameters(), *([tiles] if wanted else [])]
    for one, other in zip(
        torch.autograd.grad(found, sources, gradient),
        torch.autograd.grad(expected, sources, gradient),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(3, 6, 5, stride=2),
        nn.Conv2d(3, 6, (5, 3)),
        nn.Conv2d(3, 6, 5, dilation=2),
        nn.Conv2d(3, 6, 5, groups=3),
        nn.Conv2d(3, 6, 5, bias=False),
        nn.Conv2d(3, 6, 5, padding="same"),
        nn.Conv2d(3, 6, 3, padding=3),
        nn.Conv2d(3, 6, 5, padding=2, padding_mode="reflect"),
        nn.Conv2d(9, 16, 5),
    ],
    ids=str,
)
def test_other_convolutions_are_left_alone(convolution):
    assert not is_narrow(convolution, nn.MaxPool2d(2))


@pytest.mark.parametrize(
    "pooling",
    [nn.MaxPool2d(3, 2), nn.MaxPool2d(2, 1), nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(2)],
    ids=str,
)
def test_other_poolings_are_left_alone(pooling):
    assert not is_narrow(nn.Conv2d(3, 6, 5), pooling)

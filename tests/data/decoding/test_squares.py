"""Tiles that are not square: what the networks then see."""

import numpy as np
import pytest

from her2bench.data.decoding.squares import squared


def wide() -> np.ndarray:
    """20 x 61 pixels: glass of (240, 235, 230), a brown band in the middle."""
    tile = np.full((20, 61, 3), (240, 235, 230), np.uint8)
    tile[:, 25:35] = (120, 80, 40)
    return tile


@pytest.mark.parametrize("turn", [False, True])
def test_crop_takes_the_middle(turn):
    tile = wide().transpose(1, 0, 2) if turn else wide()
    cut = squared(tile, "crop")
    expected = wide()[:, 20:40].transpose(1, 0, 2) if turn else wide()[:, 20:40]
    assert np.array_equal(cut, expected)


@pytest.mark.parametrize("turn", [False, True])
def test_pad_adds_empty_glass_on_both_sides(turn):
    tile = wide().transpose(1, 0, 2) if turn else wide()
    padded = squared(tile, "pad")
    padded = padded.transpose(1, 0, 2) if turn else padded
    assert padded.shape == (61, 61, 3)
    assert np.array_equal(padded[20:40], wide())
    border = np.concatenate([padded[:20], padded[40:]]).reshape(-1, 3).astype(int)
    assert np.abs(border - (240, 235, 230)).max() <= 1


def test_squares_and_squash_stay_as_they_are():
    square = wide()[:, :20]
    assert squared(square, "pad") is square and squared(square, "crop") is square
    assert squared(tile := wide(), "squash") is tile

"""An epoch's order: every tile once, and near each other on disk where the set is large."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from her2bench.training.epoch_order import epoch_order


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 30), st.integers(0, 5))
def test_every_tile_comes_once(n, window, block, seed):
    rows = np.random.default_rng(seed).permutation(3 * n)[:n]
    order = epoch_order(rows, 1, np.random.default_rng(seed), window, block)
    assert sorted(order) == list(range(n))


def test_a_small_set_is_shuffled_freely():
    order = epoch_order(np.arange(100), 10, np.random.default_rng(3))
    assert np.array_equal(order, np.random.default_rng(3).permutation(100))


def test_a_large_set_is_read_by_blocks_from_all_over_it():
    rows = np.random.default_rng(0).permutation(10_000)
    order = epoch_order(rows, 1, np.random.default_rng(0), window=1000, block=50)
    for window in np.split(rows[order], 10):
        blocks, counts = np.unique(window // 50, return_counts=True)
        assert len(blocks) == 20 and (counts == 50).all()  # whole blocks, each read once
        assert np.ptp(blocks) > 100  # from far apart
        assert not np.array_equal(window, np.sort(window))


@pytest.mark.parametrize("seed", range(3))
def test_windows_differ_from_epoch_to_epoch(seed):
    first, second = (
        epoch_order(np.arange(1000), 1, np.random.default_rng(s), window=100, block=10)
        for s in (seed, seed + 1)
    )
    assert set(first[:100]) != set(second[:100])

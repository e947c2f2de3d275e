"""Tiles to slides against NumPy, and what rounding must not do."""

import numpy as np
import pytest

from her2bench.evaluation.statistics.aggregation import AGGREGATES, aggregated


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_each_aggregate_is_numpys_slide_by_slide(quantile):
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 9, 12)))
    p, calls = rng.random(len(groups)), rng.random(len(groups)) < 0.4
    wanted = {
        "mean": lambda of: p[of].mean(),
        "median": lambda of: np.median(p[of]),
        "share": lambda of: calls[of].mean(),
        "quantile": lambda of: np.quantile(p[of], quantile),
    }
    for how in AGGREGATES:
        found = aggregated(how, p, calls, groups, quantile)
        assert found == pytest.approx([wanted[how](groups == g) for g in range(12)], abs=1e-12)


@pytest.mark.parametrize("constant", [1 - 1e-7, 0.1, 1 / 3, 0.0, 1.0])
@pytest.mark.parametrize("how", AGGREGATES)
def test_slides_that_are_equal_stay_equal_to_the_last_digit(how, constant):
    """The plain mean of 3, 7 and 19 equal numbers is not the same number three times."""
    groups = np.repeat(np.arange(40), np.arange(1, 41))
    p = np.full(len(groups), constant)
    assert len(set(aggregated(how, p, p > 0.5, groups, 0.9))) == 1


def test_the_order_of_tiles_does_not_matter():
    rng = np.random.default_rng(1)
    p, groups = rng.random(60), np.repeat([0, 1], 30)
    p[30:] = rng.permutation(p[:30])
    for how in AGGREGATES:
        first, second = aggregated(how, p, p > 0.5, groups, 0.3)
        assert first == second

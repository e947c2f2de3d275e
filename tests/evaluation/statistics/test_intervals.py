"""Intervals from their parts."""

import numpy as np
import pytest

from her2bench.evaluation.statistics.intervals import expanded_levels, percentile_p_value


def test_the_percentile_p_value_is_the_intervals_inversion():
    drawn = np.random.default_rng(0).normal(0.03, 0.012, 20_000)
    p = percentile_p_value(0.03, drawn, 1.1, 14)
    low, _ = expanded_levels(1.1, 14, 1 - p)
    assert np.quantile(drawn, low) == pytest.approx(0, abs=1e-4)

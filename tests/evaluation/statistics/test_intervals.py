"""Intervals from their parts."""

import numpy as np
import pytest
from scipy import stats

from her2bench.evaluation.statistics.intervals import (
    clopper_pearson,
    corrected,
    expanded_levels,
    percentile,
    percentile_p_value,
    t_quantile,
    wilson,
)


def test_the_percentile_p_value_is_the_intervals_inversion():
    drawn = np.random.default_rng(0).normal(0.03, 0.012, 20_000)
    p = percentile_p_value(0.03, drawn, 1.1, 14)
    low, _ = expanded_levels(1.1, 14, 1 - p)
    assert np.quantile(drawn, low) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("right", "n"), [(49, 51), (3, 20), (150, 200)])
def test_clopper_pearson_is_scipys_exact_interval(right, n):
    exact = stats.binomtest(right, n).proportion_ci(0.95, method="exact")
    assert tuple(clopper_pearson(right / n, n, 0.95)) == pytest.approx(tuple(exact))
    inner = wilson(right / n, n, t_quantile(np.inf, 0.95))
    assert exact.low < inner.low and exact.high > inner.high


def test_a_bias_corrected_interval_spans_the_percentiles_and_those_about_the_estimate():
    """Replicates that lie a quarter of a standard error below the estimate."""
    replicates = np.random.default_rng(0).normal(size=20_000) - 0.25
    plain = percentile(replicates, 1.0, np.inf, 0.95)
    found = corrected(0.0, replicates, 1.0, np.inf, 0.95)
    assert found.low == plain.low
    assert found.high == pytest.approx(plain.high + 2 * 0.25, abs=0.06)
    assert corrected(9.0, replicates, 1.0, np.inf, 0.95) == plain  # beyond all replicates

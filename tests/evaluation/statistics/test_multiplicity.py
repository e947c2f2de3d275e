"""Holm and McNemar against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from her2bench.evaluation.statistics.multiplicity import holm, mcnemar


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_statsmodels(seed):
    p = np.random.default_rng(seed).random(7) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


def test_holm_leaves_out_what_is_undefined():
    adjusted = holm(np.array([0.01, np.nan, 0.04]))
    assert adjusted == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert len(holm(np.array([]))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_statsmodels(seed):
    right_a, right_b = np.random.default_rng(seed).random((2, 60)) < [[0.8], [0.6]]
    only_a, only_b, p = mcnemar(right_a, right_b)
    table = [[(right_a & right_b).sum(), only_a], [only_b, (~right_a & ~right_b).sum()]]
    assert p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-12)


def test_mcnemar_without_a_discordant_tile():
    same = np.array([True, False, True])
    assert mcnemar(same, same) == (0, 0, 1.0)

"""The simulated subgroups are those asked for, and the rates are computed."""

import numpy as np
import pytest
from benchmarks.subgroups import METRICS, Divided, _subgroups, interaction_rates, prevalence_rates
from benchmarks.two_level import TwoLevel


@pytest.mark.parametrize("within", [False, True])
def test_slides_or_their_tiles_are_divided(within):
    rng = np.random.default_rng(0)
    sample, _ = TwoLevel(groups=50).draw(rng)
    drawn = _subgroups(Divided(TwoLevel(), (0.8, 0.2), within), sample, rng)
    of_slides = [len(set(drawn[sample.groups == g])) for g in range(50)]
    assert set(drawn) == {0, 1}
    assert (max(of_slides) == 2) == within
    if not within:
        assert len(set(sample.groups[drawn == 0])) == 40


def test_without_an_interaction_few_are_found():
    cell = Divided(TwoLevel(groups=24, tiles=8))
    got = interaction_rates(cell, 15, np.random.default_rng(1))
    assert len(got) == 2 * len(METRICS) and max(got.values()) < 0.35


def test_predictive_values_are_covered():
    got = prevalence_rates(TwoLevel(models=1), 40, np.random.default_rng(1))
    assert min(got.values()) > 0.75

"""Baselines with a strength of regularisation, and those without."""

import numpy as np
import pytest

from her2bench.models.baselines.logistic import Fitted
from her2bench.models.baselines.registry import Baseline, baseline


def measured(tiles):
    return tiles


@pytest.mark.parametrize("endpoint", ["2+", "score"])
def test_a_lower_strength_brings_the_logits_together(endpoint):
    rng = np.random.default_rng(0)
    scores = np.arange(200) % 4
    features = scores[:, None] + rng.normal(size=(200, 2))
    learned = scores if endpoint == "score" else (scores >= 2).astype(int)
    known = baseline("dab_baseline")
    assert known.tunable(endpoint)

    def spread(strength):
        fitted = known.fitting(endpoint, strength)(features, learned)
        return np.ptp(fitted.logits(features), axis=0).mean()

    assert spread(1e-3) < spread(1.0) < spread(100.0)
    assert spread(1.0) == spread(None), "scikit-learn's default"


def test_baselines_without_one_are_not_tuned():
    assert not baseline("always_positive").tunable("2+")
    assert not baseline("score_frequencies").tunable("score")
    assert not Baseline("own", measured, lambda *_: Fitted(len, 0)).tunable("2+")
    assert Baseline("own", measured).tunable("2+")

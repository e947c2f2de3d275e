"""PPV and NPV at a prevalence, against the textbook's formulas."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from tests.evaluation.conftest import answers_of, simulated

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.intervals import logit_interval, t_quantile
from her2bench.evaluation.statistics.predictive_values import NPV, PPV, npv_at, predictive_value

P = 0.15


def independent(true: int, positives: int, false: int, negatives: int):
    """Sensitivity and specificity of tiles that are slides of their own."""
    targets = np.r_[np.ones(positives, bool), np.zeros(negatives, bool)]
    calls = np.r_[np.arange(positives) < true, np.arange(negatives) < false]
    sample = LabelledTiles(targets, np.arange(len(targets)), known=False)
    answers = answers_of(np.where(calls, 1.0, -1.0))
    return [estimate(name, sample, answers, 15) for name in ("sensitivity", "specificity")]


@pytest.mark.parametrize("kind", [PPV, NPV])
def test_value_and_logit_variance_are_the_textbooks(kind):
    """Mercaldo et al.: var(logit PPV) = (1 - s) / (s n1) + c / ((1 - c) n0), and its mirror."""
    rates = independent(true=160, positives=200, false=60, negatives=600)
    s, c = 160 / 200, 540 / 600
    found = predictive_value(kind, *rates, P)
    if kind == PPV:
        value = s * P / (s * P + (1 - c) * (1 - P))
        variance = (1 - s) / (s * 199) + c / ((1 - c) * 599)
    else:
        value = c * (1 - P) / (c * (1 - P) + (1 - s) * P)
        variance = s / ((1 - s) * 199) + (1 - c) / (c * 599)
    assert found.values[0] == pytest.approx(value)
    logit = found.variance / (value * (1 - value)) ** 2
    # The jackknife's factor is (n / (n - 1))², the textbook's n / (n - 1) or none.
    assert logit == pytest.approx(variance, rel=0.01)


def test_at_the_observed_prevalence_they_are_ppv_and_npv():
    table = simulated(seeds=2)
    share = float((table["target"] == 1).mean())
    scores = score_predictions(table, ScoreSettings(bootstrap=0, flips=99, prevalence=share))
    rows = {r.metric: r for r in scores.rows if r.model == "a"}
    for kind, metric in ((PPV, "ppv"), (NPV, "npv")):
        assert rows[f"{kind}_{share:g}"].value == pytest.approx(rows[metric].value, abs=0.005)
        assert rows[f"{kind}_{share:g}"].low < rows[metric].value < rows[f"{kind}_{share:g}"].high


def test_the_interval_is_that_of_slides():
    """Every tile fifty times, in its own slide, says no more than once."""
    rng = np.random.default_rng(0)
    targets, scores = np.arange(120) % 3 == 0, rng.normal(size=120)
    scores = scores + 1.5 * targets - 0.7
    widths = []
    for times in (1, 50):
        sample = LabelledTiles(np.repeat(targets, times), np.repeat(np.arange(120), times))
        answers = answers_of(np.repeat(scores, times))
        rates = [estimate(n, sample, answers, 15) for n in ("sensitivity", "specificity")]
        widths.append(predictive_value(PPV, *rates, P).variance)
    assert widths[1] == pytest.approx(widths[0])


def test_a_specificity_of_one_does_not_make_the_ppv_certain():
    table = simulated(models=("a",)).with_columns(probability=0.9 * pl.col("target") + 0.05)
    scores = score_predictions(
        check_predictions(table.drop("logit")), ScoreSettings(bootstrap=0, prevalence=P)
    )
    row = next(r for r in scores.rows if r.metric == f"{PPV}_{P:g}")
    assert row.value == 1 and row.high == 1 and row.low < 0.8
    assert "Wilson" in row.method


def test_without_a_positive_call_the_ppv_is_undefined():
    rates = independent(true=0, positives=50, false=0, negatives=50)
    assert np.isnan(predictive_value(PPV, *rates, P).values[0])
    assert npv_at(0, 1, P) == pytest.approx(1 - P)


def test_the_logit_interval_with_many_independent_tiles():
    rates = independent(true=160, positives=200, false=60, negatives=600)
    found = predictive_value(PPV, *rates, P)
    z, value = stats.norm.ppf(0.975), found.values[0]
    error = np.sqrt((1 - 0.8) / (0.8 * 200) + 0.9 / (0.1 * 600))
    low = 1 / (1 + np.exp(-(np.log(value / (1 - value)) - z * error)))
    quantile = t_quantile(found.df, 0.95)
    assert logit_interval(value, found.variance, 800, quantile).low == pytest.approx(low, abs=2e-3)

"""Ordinal logistic regression, against statsmodels and a likelihood written out by hand."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.models.baselines.logistic import fit_ordinal
from her2bench.models.baselines.registry import Baseline, baseline
from her2bench.models.proportional_odds import fit_proportional_odds, score_shares
from her2bench.prediction.four_scores import score_probabilities

ONES = np.ones(4)


@pytest.fixture(scope="module")
def tiles():
    """400 tiles of three measurements, the first two of which say something of the score."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(400, 3))
    place = inputs @ [1.5, -0.7, 0.0] + rng.logistic(size=400)
    return inputs, np.digitize(place, [-1.5, 0.2, 1.1])


def naive(values, inputs, scores, strength, weights):
    """The penalised negative log-likelihood of slopes and three free thresholds."""
    place, thresholds = inputs @ values[:-3], values[-3:]
    above = 1 / (1 + np.exp(-(place[:, None] - thresholds)))
    whole = np.hstack([np.ones((len(place), 1)), above, np.zeros((len(place), 1))])
    each = -np.diff(whole, axis=1)[np.arange(len(place)), scores]
    return -(weights[scores] * np.log(each)).sum() + (values[:-3] ** 2).sum() / (2 * strength)


def test_without_penalty_it_is_the_ordered_model_of_statsmodels(tiles):
    ordered = pytest.importorskip("statsmodels.miscmodels.ordinal_model").OrderedModel
    inputs, scores = tiles
    slopes, thresholds = fit_proportional_odds(inputs, scores, 1e12, ONES)
    model = ordered(scores, inputs, distr="logit")
    theirs = model.fit(method="bfgs", disp=False, gtol=1e-7)
    np.testing.assert_allclose(slopes, theirs.params[:3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        thresholds, model.transform_threshold_params(theirs.params)[1:-1], rtol=1e-4, atol=1e-5
    )
    ours = score_probabilities((inputs @ slopes)[:, None] - thresholds)
    np.testing.assert_allclose(ours, model.predict(theirs.params), atol=1e-5)


@pytest.mark.parametrize("strength", [0.01, 1.0])
@pytest.mark.parametrize("weights", [ONES, np.array([0.5, 2.0, 1.0, 3.0])], ids=["even", "uneven"])
def test_penalty_and_weights_are_those_of_the_likelihood_by_hand(tiles, strength, weights):
    inputs, scores = tiles
    found = np.concatenate(fit_proportional_odds(inputs, scores, strength, weights))
    given = inputs, scores, strength, weights
    slope = approx_fprime(found, naive, 1e-6, *given)
    assert np.abs(slope).max() < 0.02  # of a sum over 400 tiles
    better = minimize(naive, found, given, method="Nelder-Mead", options={"maxiter": 3000})
    assert naive(found, *given) <= better.fun + 1e-3


def test_a_missing_score_has_next_to_no_probability(tiles):
    inputs, scores = tiles
    for missing in range(4):
        kept = scores != missing
        slopes, thresholds = fit_proportional_odds(inputs[kept], scores[kept], 1.0, ONES)
        found = score_probabilities((inputs @ slopes)[:, None] - thresholds)
        assert np.isfinite(found).all() and found[:, missing].max() < 1e-3
        assert (np.diff(thresholds) > 0).all()


def test_shares_are_weighted_and_never_0_or_1():
    assert score_shares(np.array([1, 1, 2, 3]), ONES).tolist() == [0.875, 0.5, 0.25]
    balanced = score_shares(np.array([0, 1, 1, 1, 2, 3]), np.array([3.0, 1, 3, 3]))
    assert balanced.tolist() == pytest.approx([0.75, 0.5, 0.25])


def test_the_baseline_standardises_and_penalises_as_the_binary_one(tiles):
    inputs, scores = tiles
    stretched = inputs * [100, 1, 0.01] + [5, -3, 0]
    one, other = fit_ordinal(inputs, scores), fit_ordinal(stretched, scores)
    np.testing.assert_allclose(one.logits(inputs), other.logits(stretched), atol=1e-4)
    assert one.parameters == 6 and one.logits(inputs).shape == (400, 3)


def test_score_frequencies_gives_every_tile_the_frequencies_of_training():
    fitted = baseline("score_frequencies").fitting("score")(
        np.empty((4, 0)), np.array([0, 2, 2, 3])
    )
    found = score_probabilities(fitted.logits(np.empty((2, 0))))
    np.testing.assert_allclose(found, [[0.25, 0, 0.5, 0.25]] * 2, atol=1e-12)
    assert len(SCORE_COLUMNS) == found.shape[1]


def test_baselines_of_another_endpoint_are_refused():
    with pytest.raises(UserError, match=r"always_positive, with endpoint = 'score'"):
        baseline("always_positive").fitting("score")
    with pytest.raises(UserError, match=r"score_frequencies, with endpoint = '2\+'"):
        baseline("score_frequencies").fitting("2+")
    mine = Baseline("mine", np.asarray)
    assert mine.fitting("score") is fit_ordinal
    own = Baseline("own", np.asarray, fit=lambda measured, targets: None)
    with pytest.raises(UserError, match="fit_scores"):
        own.fitting("score")

"""The bootstrap against plain loops over the same draws."""

import numpy as np
import pytest
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles, SeedPredictions
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap, slide_weights
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.evaluation.statistics.probabilistic import equal_mass_bins

RESAMPLED = tuple(name for name in names_of("binary") if METRICS[name].resampled)


def study(seeds=1):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), rng.integers(2, 12, 12))
    targets = rng.random(len(groups)) < 0.6
    scores = np.round(targets + rng.normal(size=(seeds, len(groups))), 1) - 0.5
    return LabelledTiles(targets, groups), answers_of(scores)


def by_loop(name, sample, logits, probabilities, calls, weights, bins):
    """One replicate: the tiles written out as often as their slide was drawn."""
    tiles = np.repeat(np.arange(len(sample.targets)), weights[sample.groups].astype(int))
    truth = sample.targets[tiles]
    if name == "calibration_error":  # the bins stay those of the data
        where = equal_mass_bins(probabilities, bins)[tiles]
        excess = truth - probabilities[tiles]
        return sum(abs(excess[where == b].sum()) for b in set(where)) / len(tiles)
    drawn = SeedPredictions(truth, logits[tiles], probabilities[tiles], calls[tiles], bins)
    return METRICS[name].of(drawn)


@pytest.mark.parametrize("name", RESAMPLED)
def test_every_metric_against_a_plain_loop(name):
    sample, answers = study(seeds=2)
    [ours] = bootstrap(
        [Resampler(sample, answers, RESAMPLED, 5)], sample, 60, np.random.default_rng(7)
    )
    drawn = np.concatenate(list(slide_weights(sample, 60, np.random.default_rng(7))))
    expected = [
        np.mean(
            [
                by_loop(name, sample, *seed, weights, 5)
                for seed in zip(answers.logits, answers.probabilities, answers.calls, strict=True)
            ]
        )
        for weights in drawn
    ]
    assert ours[name] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_draws_are_slides_with_replacement():
    sample, _ = study()
    drawn = np.concatenate(list(slide_weights(sample, 4000, np.random.default_rng(0))))
    assert (drawn.sum(1) == 12).all()
    assert drawn.mean(0) == pytest.approx(np.ones(12), abs=0.06)
    assert drawn.var(0) == pytest.approx(np.full(12, 11 / 12), abs=0.08)


def test_models_share_the_draws():
    sample, answers = study()
    both = [Resampler(sample, answers, RESAMPLED, 5) for _ in range(2)]
    one, other = bootstrap(both, sample, 50, np.random.default_rng(1))
    assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in RESAMPLED)


def test_undefined_replicates_are_nan_not_0():
    """Two slides of one class each: one draw in two lacks a class."""
    sample = LabelledTiles(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    resampler = Resampler(sample, answers_of([1.0, -1.0, 0.5, -0.5]), RESAMPLED, 2)
    [ours] = bootstrap([resampler], sample, 400, np.random.default_rng(0))
    assert np.isnan(ours["balanced_accuracy"]).mean() == pytest.approx(0.5, abs=0.1)
    assert np.isnan(ours["average_precision"]).mean() == pytest.approx(0.25, abs=0.1)
    assert not np.isnan(ours["accuracy"]).any()

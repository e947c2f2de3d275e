"""Decision curves, against a loop over tiles and the published formula."""

import numpy as np
import pytest

from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.net_benefit import THRESHOLDS, all_positive, net_benefit


def study(seed: int = 0, groups: int = 30, tiles: int = 10):
    rng = np.random.default_rng(seed)
    slides = np.repeat(np.arange(groups), tiles)
    targets = rng.random(len(slides)) < 0.4
    z = 1.5 * targets - 0.9 + rng.normal(size=(2, len(slides))) + rng.normal(size=groups)[slides]
    return LabelledTiles(targets, slides), 1 / (1 + np.exp(-z))


def loop(targets, probabilities, threshold: float) -> float:
    true = false = 0
    for target, p in zip(targets, probabilities, strict=True):
        if p > threshold:
            true, false = true + bool(target), false + (not target)
    return true / len(targets) - false / len(targets) * threshold / (1 - threshold)


def test_it_is_the_published_formula_for_each_threshold():
    sample, probabilities = study()
    curve = net_benefit(sample, probabilities, replicates=5)
    for place in (0, 14, 49, 80, 98):
        wanted = [loop(sample.targets, each, THRESHOLDS[place]) for each in probabilities]
        assert curve.value[place] == pytest.approx(np.mean(wanted))


def test_all_positive_is_the_prevalence_less_the_weighted_rest():
    sample, _ = study()
    share = sample.targets.mean()
    odds = THRESHOLDS / (1 - THRESHOLDS)
    curve = net_benefit(sample, all_positive(sample), replicates=5)
    assert curve.value == pytest.approx(share - (1 - share) * odds)
    place = int(np.argmin(np.abs(curve.value)))  # it is nothing where the threshold is the share
    assert THRESHOLDS[place] == pytest.approx(share, abs=0.006)


def test_a_tile_at_the_threshold_is_not_positive():
    sample = LabelledTiles(np.array([True, False]), np.arange(2))
    curve = net_benefit(sample, np.array([[0.5, 0.1]]), thresholds=np.array([0.3, 0.5, 0.7]))
    assert curve.value.tolist() == [0.5, 0.0, 0.0]


def test_at_the_observed_prevalence_nothing_changes_and_at_another_the_rates_decide():
    sample, probabilities = study()
    share = float(sample.targets.mean())
    plain, same = (net_benefit(sample, probabilities, p, replicates=5) for p in (None, share))
    assert same.value == pytest.approx(plain.value)
    rare = net_benefit(sample, probabilities, 0.1, replicates=5)
    hit = (probabilities[:, sample.targets] > THRESHOLDS[19]).mean()
    alarm = (probabilities[:, ~sample.targets] > THRESHOLDS[19]).mean()
    assert rare.value[19] == pytest.approx(0.1 * hit - 0.9 * alarm * 0.2 / 0.8)


def test_the_band_is_that_of_slides():
    """Tiles repeated within their slides add nothing; as slides of their own they would."""
    sample, probabilities = study()
    many = LabelledTiles(np.repeat(sample.targets, 20), np.repeat(sample.groups, 20))
    once, often = net_benefit(sample, probabilities), net_benefit(many, probabilities.repeat(20, 1))
    assert often.high - often.low == pytest.approx(once.high - once.low)
    assert (once.low <= once.value).all() and (once.value <= once.high).all()
    loose = LabelledTiles(many.targets, np.arange(len(many.targets)))
    naive = net_benefit(loose, probabilities.repeat(20, 1), replicates=50)
    assert np.median(naive.high - naive.low) < 0.5 * np.median(often.high - often.low)


def test_one_slide_has_no_band():
    sample = LabelledTiles(np.array([True, False]), np.zeros(2, dtype=np.int64))
    curve = net_benefit(sample, np.array([[0.9, 0.1]]))
    assert curve.value[49] == 0.5 and np.isnan(curve.low).all()

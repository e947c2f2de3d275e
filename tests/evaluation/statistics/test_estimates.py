"""Variances between slides and between seeds, and their degrees of freedom."""

import numpy as np
import pytest
from sklearn import metrics as sk
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.degrees_of_freedom import degrees_of_freedom, satterthwaite
from her2bench.evaluation.statistics.estimates import estimate, seed_component
from her2bench.evaluation.statistics.metrics import names_of


def study(seed=0, groups=20, size=8, seeds=1):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    targets = np.tile(np.arange(size) < size // 2, groups)
    slide = rng.normal(size=groups)[codes]
    scores = targets + slide + rng.normal(size=(seeds, len(codes)))
    return LabelledTiles(targets, codes), answers_of(scores)


def test_sensitivity_has_the_jackknifed_ratio_estimators_variance():
    sample, answers = study()
    right = answers.calls[0] & sample.targets
    y = np.bincount(sample.groups, weights=right)
    m = np.bincount(sample.groups, weights=sample.targets)
    p = y.sum() / m.sum()
    expected = (20 / 19) ** 2 * ((y - p * m) ** 2).sum() / m.sum() ** 2
    guess = estimate("sensitivity", sample, answers, 15)
    assert guess.value == pytest.approx(p) and guess.variance == pytest.approx(expected)
    assert guess.design_effect == pytest.approx(
        expected / (p * (1 - p) * m.sum() / (m.sum() - 1) ** 2)
    )
    assert (guess.counted_tiles, guess.counted_groups) == (80, 20)


@pytest.mark.parametrize("name", names_of("binary"))
def test_variance_is_near_the_jackknifes(name):
    """The jackknife over slides, computed directly, gives the same variance."""
    sample, answers = study(1, groups=60)
    guess = estimate(name, sample, answers, 5)
    left_out = []
    for g in range(60):
        keep = sample.groups != g
        codes = np.unique(sample.groups[keep], return_inverse=True)[1]
        part = answers_of(answers.logits[:, keep])
        left_out.append(estimate(name, LabelledTiles(sample.targets[keep], codes), part, 5).value)
    jackknife = 59 / 60 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum()
    loose = 0.35 if name == "calibration_error" else 0.1  # its bins move with the tiles
    assert guess.variance == pytest.approx(jackknife, rel=loose)


def test_a_single_slide_has_no_variance_to_speak_of():
    sample, answers = study(groups=1)
    guess = estimate("accuracy", sample, answers, 5)
    assert guess.df == 0 and np.isnan(guess.design_effect)


def test_seeds_that_agree_add_nothing():
    sample, answers = study(2)
    same = answers_of(np.repeat(answers.logits, 4, axis=0))
    assert seed_component(estimate("roc_auc", sample, same, 5)) == 0


def test_the_seeds_component_is_unbiased():
    """The AUC averaged over seeds: its variance is that between slides plus that between seeds.

    Seeds differ by how far the classes lie apart, and in what they make of a slide.
    """
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(40), 10)
    targets = np.tile(np.arange(10) < 5, 40)
    slides, seeds, values = [], [], []
    for _ in range(300):
        apart = 1 + 0.25 * rng.normal(size=(4, 1))
        slide = rng.normal(size=40)[codes] + 0.5 * rng.normal(size=(4, 40))[:, codes]
        answers = answers_of(apart * targets + slide + rng.normal(size=(4, 400)))
        guess = estimate("roc_auc", LabelledTiles(targets, codes), answers, 5)
        slides.append(guess.variance)
        seeds.append(seed_component(guess))
        values.append(guess.value)
    whole = np.var(values)
    assert np.mean(seeds) > 0.3 * whole  # so that leaving it out would show
    assert np.mean(slides) + np.mean(seeds) == pytest.approx(whole, rel=0.2)


def test_slides_of_one_size_have_one_degree_of_freedom_less_than_slides():
    sample, answers = study()
    for name in ("accuracy", "sensitivity", "specificity", "brier", "roc_auc"):
        assert estimate(name, sample, answers, 5).df == pytest.approx(19)


def test_classes_on_slides_of_their_own_are_put_together_by_satterthwaite():
    groups = np.repeat(np.arange(20), 6)
    sample = LabelledTiles(groups < 17, groups)
    rng = np.random.default_rng(0)
    guess = estimate("roc_auc", sample, answers_of(rng.normal(size=120)), 5)
    a, b = (guess.mean_parts**2).sum(axis=1)
    assert guess.df == pytest.approx((a + b) ** 2 / (a**2 / 16 + b**2 / 2))


def test_slides_of_both_classes_have_no_more_degrees_of_freedom_than_slides():
    sample, answers = study()
    apart = np.array([[1.0, -1.0] * 10, [1.0, -1.0] * 10])
    shares = estimate("roc_auc", sample, answers, 5).shares
    assert degrees_of_freedom("roc_auc", apart, shares) == 19
    assert degrees_of_freedom("roc_auc", 0 * apart, shares) == 19


def left_out(name, sample, answers):
    """A metric without each slide in turn, less the metric."""
    whole = estimate(name, sample, answers, 5).value
    parts = []
    for g in range(sample.n_groups):
        keep = sample.groups != g
        part = answers_of(answers.logits[:, keep])
        parts.append(estimate(name, sample.part(keep, sample.targets), part, 5).value - whole)
    return np.array(parts)


@pytest.mark.parametrize("name", ["sensitivity", "specificity", "accuracy", "brier"])
def test_a_large_slide_is_left_out_as_it_is_by_the_jackknife(name):
    """One slide of 20 has 40% of the tiles: exact for means."""
    groups = np.repeat(np.arange(20), [126] + [10] * 19)
    rng = np.random.default_rng(4)
    targets = rng.random(len(groups)) < 0.6
    answers = answers_of(targets + rng.normal(size=20)[groups] + rng.normal(size=len(groups)))
    sample = LabelledTiles(targets, groups)
    guess = estimate(name, sample, answers, 5)
    assert guess.variance == pytest.approx((left_out(name, sample, answers) ** 2).sum())


def test_an_auc_on_slides_of_one_class_is_exactly_the_jackknifes():
    groups = np.repeat(np.arange(20), [60] + [6] * 19)
    rng = np.random.default_rng(5)
    sample = LabelledTiles(groups < 12, groups)
    answers = answers_of(sample.targets + rng.normal(size=20)[groups])
    guess = estimate("roc_auc", sample, answers, 5)
    assert guess.variance == pytest.approx((left_out("roc_auc", sample, answers) ** 2).sum())


def test_satterthwaite():
    assert satterthwaite([2.0, 0.0], [7, 3]) == pytest.approx(7)
    assert satterthwaite([1.0, 3.0], [10, 2]) == pytest.approx(16 / (1 / 10 + 9 / 2))
    assert satterthwaite([0.0, 0.0], [10, 2]) == 2


def test_estimates_value_is_scikit_learns_meant_over_seeds():
    sample, answers = study(3, seeds=3)
    guess = estimate("roc_auc", sample, answers, 5)
    expected = [sk.roc_auc_score(sample.targets, scores) for scores in answers.logits]
    assert guess.values == pytest.approx(expected) and guess.value == pytest.approx(
        np.mean(expected)
    )

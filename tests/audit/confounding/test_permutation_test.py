import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from her2bench.audit.confounding.permutation_test import _aucs, _permuted, association_test
from her2bench.audit.confounding.residuals import residuals


def slides_of(rng, slides=40, tiles=15):
    groups = np.repeat(np.arange(slides), tiles)
    target = (rng.permutation(slides) < 0.7 * slides)[groups]
    return groups, target


def test_weighted_auc_with_ties_is_scikit_learns():
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=(60, 5)), 1)
    labels = rng.random((60, 5)) < 0.4
    weights = rng.integers(1, 9, 60).astype(float)
    expected = [roc_auc_score(labels[:, k], scores[:, k], sample_weight=weights) for k in range(5)]
    assert _aucs(scores, labels, weights) == pytest.approx(expected)


def test_a_measure_of_slides_that_says_nothing_is_chance_however_many_tiles():
    """p-values are uniform; a test over tiles would call nearly all of these significant."""
    p_values = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        groups, target = slides_of(rng)
        measure = rng.normal(size=40)[groups][:, None] + 0.1 * rng.normal(size=(len(groups), 1))
        p_values.append(association_test(measure, target, groups, rng, 199).p_value)
    assert 0.01 < np.mean(np.array(p_values) <= 0.1) < 0.19
    assert 0.4 < np.mean(p_values) < 0.6


def test_mixed_slides_with_chance_alone_are_chance():
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(25), 12)
        target = rng.random(len(groups)) < rng.beta(1, 1, 25)[groups]
        measure = rng.normal(size=25)[groups][:, None] + rng.normal(size=(len(groups), 1))
        p_values.append(association_test(measure, target, groups, rng, 99).p_value)
    assert np.mean(np.array(p_values) <= 0.1) < 0.25
    assert 0.35 < np.mean(p_values) < 0.65


@pytest.mark.parametrize("mixed", [False, True])
def test_a_telling_measure_is_found(mixed):
    rng = np.random.default_rng(1)
    groups, target = slides_of(rng)
    if mixed:
        target = rng.random(len(groups)) < 0.6
    measure = np.column_stack(
        [target + rng.normal(0, 0.5, len(target)), rng.normal(size=len(target))]
    )
    found = association_test(measure, target, groups, rng, 499)
    assert found.auc > 0.85
    assert found.p_value == pytest.approx(1 / 500)
    assert found.slides == 40


def test_a_measure_that_is_the_same_for_all_is_not_tested():
    rng = np.random.default_rng(0)
    groups, target = slides_of(rng)
    found = association_test(np.ones((len(target), 2)), target, groups, rng)
    assert found.auc == 0.5
    assert np.isnan(found.p_value)


def test_labels_are_permuted_at_slide_level():
    rng = np.random.default_rng(0)
    slides = np.repeat(np.arange(6), [1, 5, 3, 8, 2, 6])
    labels = _permuted(slides % 2 == 0, slides, 50, rng)
    share = np.stack([labels[slides == slide].mean(axis=0) for slide in range(6)])
    assert set(np.unique(share)) == {0, 1}
    assert (share.sum(axis=0) == 3).all()


def test_residuals_take_off_the_tissue_and_leaves_the_scanner():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 20)
    scanner = rng.normal(size=30)[groups]
    # The stain goes with the scanner: what is learned between slides would take both off.
    tissue = np.exp(scanner + rng.normal(size=len(groups)))
    measure = scanner + 0.7 * np.log(tissue)
    clean = residuals(measure[:, None], tissue[:, None], groups.astype(str))[:, 0]
    left = np.corrcoef(clean - scanner, np.log(tissue))[0, 1]
    assert abs(left) < 0.35
    assert np.std(clean - scanner) < 0.35 * np.std(measure - scanner)
    pooled = residuals(measure[:, None], tissue[:, None], None)[:, 0]
    assert np.corrcoef(clean, scanner)[0, 1] > 0.95 > np.corrcoef(pooled, scanner)[0, 1]

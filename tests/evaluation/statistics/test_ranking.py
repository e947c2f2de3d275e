"""ROC-AUC: placements, DeLong against MLstatkit, Obuchowski against sums over all pairs."""

import numpy as np
import pytest
from MLstatkit import Delong_test
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate, tile_variance
from her2bench.evaluation.statistics.ranking import placements


def scores_in_slides(seed, sizes):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    targets = rng.random(len(groups)) < 0.6
    slide = rng.normal(size=len(sizes))[groups]
    a, b = (np.round(targets + slide + rng.normal(size=len(groups)), 1) for _ in range(2))
    return LabelledTiles(targets, groups), a, b


def wins(x, y):
    """1 if x is ranked above y, 1/2 if equal: every pair, no sorting."""
    return (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])


def test_placements_against_all_pairs():
    sample, a, _ = scores_in_slides(0, [40] * 5)
    pairs = wins(a[sample.targets], a[~sample.targets])
    placed = placements(a, sample.targets)
    assert placed[sample.targets] == pytest.approx(pairs.mean(1), abs=1e-12)
    assert placed[~sample.targets] == pytest.approx(pairs.mean(0), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_one_tile_a_slide_is_delong(seed):
    sample, a, b = scores_in_slides(seed, [1] * 150)
    z, _, auc_a, auc_b = Delong_test(sample.targets, a, b, return_ci=False)
    one, other = (estimate("roc_auc", sample, answers_of(s), 15) for s in (a, b))
    d = Difference(one, other)
    assert (one.value, other.value) == pytest.approx((auc_a, auc_b), abs=1e-9)
    # MLstatkit's z is b's AUC less a's. Its factors are n / (n - 1) of either class, ours squares.
    p, n = sample.targets.sum(), (~sample.targets).sum()
    a, b = (d.parts**2).sum(axis=1)
    delong = p / (p - 1) * a + n / (n - 1) * b
    assert -d.value / np.sqrt(delong) == pytest.approx(z, abs=1e-9)
    assert d.variance == pytest.approx((p / (p - 1)) ** 2 * a + (n / (n - 1)) ** 2 * b)
    assert one.design_effect == pytest.approx(1, abs=1e-9)


def obuchowski(sample, a, b, factor):
    """The covariance matrix of two AUCs by Obuchowski's sums, every pair looked at."""
    positive, negative = sample.targets, ~sample.targets
    members = range(sample.n_groups)
    components = []
    for s in (a, b):
        pairs = wins(s[positive], s[negative])
        auc = pairs.mean()
        in_x = [pairs.mean(1)[sample.groups[positive] == g].sum() for g in members]
        in_y = [pairs.mean(0)[sample.groups[negative] == g].sum() for g in members]
        m = [(sample.groups[positive] == g).sum() for g in members]
        n = [(sample.groups[negative] == g).sum() for g in members]
        x = (np.array(in_x) - np.array(m) * auc) / positive.sum()
        y = (np.array(in_y) - np.array(n) * auc) / negative.sum()
        components.append((x, y))
    fx, fy, fxy = factor(np.array(m), np.array(n))
    return np.array(
        [
            [(fx * x * u + fy * y * v + fxy * (x * v + y * u)).sum() for u, v in components]
            for x, y in components
        ]
    )


def papers_factor(m, n):
    """Obuchowski's, once more: her variance is not inflated by the fit of the slides."""
    i10, i01, i = (m > 0).sum(), (n > 0).sum(), len(m)
    return (i10 / (i10 - 1)) ** 2, (i01 / (i01 - 1)) ** 2, (i / (i - 1)) ** 2


def leverage_factor(m, n):
    h, k = 1 - m / m.sum(), 1 - n / n.sum()
    return 1 / h**2, 1 / k**2, 1 / (h * k)


def balanced_slides(seed):
    """Slides that all hold 4 positive and 3 negative tiles, so that both factors agree."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(12), 7)
    targets = np.tile([True] * 4 + [False] * 3, 12)
    slide = rng.normal(size=12)[groups]
    a, b = (np.round(targets + slide + rng.normal(size=84), 1) for _ in range(2))
    return LabelledTiles(targets, groups), a, b


@pytest.mark.parametrize(
    ("data", "factor"),
    [
        (balanced_slides(0), papers_factor),
        (balanced_slides(1), papers_factor),
        (scores_in_slides(2, [3, 9, 1, 14, 6, 2, 8]), leverage_factor),
        (scores_in_slides(3, [30, 2, 1, 1, 5]), leverage_factor),
    ],
)
def test_clustered_variance_against_all_pairs(data, factor):
    sample, a, b = data
    expected = obuchowski(sample, a, b, factor)
    one, other = (estimate("roc_auc", sample, answers_of(s), 15) for s in (a, b))
    assert one.variance == pytest.approx(expected[0, 0], abs=1e-12)
    assert other.variance == pytest.approx(expected[1, 1], abs=1e-12)
    between = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    assert Difference(one, other).variance == pytest.approx(between, abs=1e-12)


def slides_of_one_class(seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(14), 6)
    targets = groups < 9
    a, b = (np.round(targets + rng.normal(size=14)[groups], 1) for _ in range(2))
    return LabelledTiles(targets, groups), a, b


def test_slides_of_one_class_each_have_the_papers_factor():
    sample, a, _ = slides_of_one_class(5)
    expected = obuchowski(sample, a, a, papers_factor)[0, 0]
    assert estimate("roc_auc", sample, answers_of(a), 15).variance == pytest.approx(expected)


def test_tile_variance_takes_no_notice_of_slides():
    sample, a, _ = slides_of_one_class(4)
    alone = LabelledTiles(sample.targets, np.arange(84))
    clustered, single = (estimate("roc_auc", s, answers_of(a), 15) for s in (sample, alone))
    assert tile_variance(clustered.tiles, "roc_auc", sample) == pytest.approx(single.variance)
    assert clustered.design_effect > 1.5

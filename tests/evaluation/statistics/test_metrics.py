"""Every metric against scikit-learn, and every influence against small steps of the weights."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn import metrics as sk

from her2bench.evaluation.statistics import confusion
from her2bench.evaluation.statistics.arrays import SeedPredictions
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.evaluation.statistics.probabilistic import equal_mass_bins

SKLEARN = {
    "roc_auc": lambda y, z, p, c: sk.roc_auc_score(y, z),
    "average_precision": lambda y, z, p, c: sk.average_precision_score(y, z),
    "brier": lambda y, z, p, c: sk.brier_score_loss(y, p),
    "log_loss": lambda y, z, p, c: sk.log_loss(y, p),
    "accuracy": lambda y, z, p, c: sk.accuracy_score(y, c),
    "balanced_accuracy": lambda y, z, p, c: sk.balanced_accuracy_score(y, c),
    "sensitivity": lambda y, z, p, c: sk.recall_score(y, c),
    "specificity": lambda y, z, p, c: sk.recall_score(y, c, pos_label=0),
    "ppv": lambda y, z, p, c: sk.precision_score(y, c),
    "npv": lambda y, z, p, c: sk.precision_score(y, c, pos_label=0),
    "f1": lambda y, z, p, c: sk.f1_score(y, c),
    "mcc": lambda y, z, p, c: sk.matthews_corrcoef(y, c),
    "kappa": lambda y, z, p, c: sk.cohen_kappa_score(y, c),
}


COUNT_METRICS = {
    name: getattr(confusion, name.upper())
    for name, metric in METRICS.items()
    if metric.sees == "calls"
}


def influence(name, *arrays, bins):
    return METRICS[name].influence(SeedPredictions(*arrays, bins))


def run(seed: int, n: int = 300, decimals: int = 1):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.7
    z = np.round(rng.normal(size=n) + y, decimals)
    return y, z, 1 / (1 + np.exp(-z)), z > 0.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", SKLEARN)
def test_value_is_scikit_learns(name, seed):
    y, z, p, c = run(seed)
    value, _ = influence(name, y, z, p, c, bins=15)
    assert value == pytest.approx(SKLEARN[name](y, z, p, c), abs=1e-12)


def test_every_metric_but_calibration_error_has_an_outside_reference():
    assert set(names_of("binary")) - set(SKLEARN) == {"calibration_error"}


@pytest.mark.parametrize("name", names_of("binary"))
def test_influences_sum_to_zero(name):
    y, z, p, c = run(1)
    _, each = influence(name, y, z, p, c, bins=10)
    assert each.sum() == pytest.approx(0, abs=1e-12)
    if name in ("roc_auc", "balanced_accuracy", "sensitivity", "specificity"):
        assert each[y].sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", SKLEARN)
@pytest.mark.parametrize("tile", [0, 3, 17])
def test_influence_is_the_derivative_by_the_tiles_weight(name, tile):
    """A tile that counts 1 + h times: by h copies of 1/h repeats of all tiles."""
    y, z, p, c = run(2, n=60)
    copies = 2000
    order = np.r_[np.repeat(np.arange(60), copies), np.full(20, tile)]
    moved = SKLEARN[name](y[order], z[order], p[order], c[order])
    value, each = influence(name, y, z, p, c, bins=10)
    assert (moved - value) * copies / 20 == pytest.approx(each[tile], abs=2e-3, rel=2e-2)


@pytest.mark.parametrize("name", COUNT_METRICS)
def test_gradient_is_the_slope(name):
    c = np.array([40.0, 13.0, 9.0, 21.0])
    step = 1e-5
    for cell in range(4):
        up, down = c.copy(), c.copy()
        up[cell] += step
        down[cell] -= step
        slope = (COUNT_METRICS[name].value(up) - COUNT_METRICS[name].value(down)) / (2 * step)
        assert COUNT_METRICS[name].gradient(c)[cell] == pytest.approx(slope, abs=1e-8)


def test_calibration_error_against_a_plain_loop():
    y, z, p, c = run(3, n=317, decimals=6)
    value, _ = influence("calibration_error", y, z, p, c, bins=15)
    order = np.argsort(p)
    edges = [k * 317 // 15 for k in range(16)]
    expected = 0.0
    for start, stop in pairwise(edges):
        tiles = order[start:stop]
        expected += len(tiles) / 317 * abs(p[tiles].mean() - y[tiles].mean())
    assert value == pytest.approx(expected, abs=1e-12)


def test_bins_are_of_equal_mass_and_ties_share_one():
    sizes = np.bincount(equal_mass_bins(np.linspace(0, 1, 1000), 15))
    assert len(sizes) == 15 and sizes.max() - sizes.min() <= 1
    assert set(equal_mass_bins(np.full(50, 0.3), 15)) == {0}


def constant(call: bool, target: bool | None = None):
    y = np.array([True] * 7 + [False] * 3) if target is None else np.full(10, target)
    z = np.full(10, 1.0 if call else -1.0)
    return y, z, 1 / (1 + np.exp(-z)), np.full(10, call)


@pytest.mark.parametrize(
    ("case", "undefined"),
    [
        (constant(True), {"npv", "mcc"}),
        (constant(False), {"ppv", "mcc"}),
        (
            constant(True, True),
            {"roc_auc", "specificity", "balanced_accuracy", "npv", "mcc", "kappa"},
        ),
        (
            constant(False, False),
            {
                *("roc_auc", "average_precision", "sensitivity", "balanced_accuracy"),
                *("ppv", "f1", "mcc", "kappa"),
            },
        ),
    ],
)
def test_what_is_undefined_is_nan_and_nothing_else(case, undefined):
    values = {name: influence(name, *case, bins=10)[0] for name in names_of("binary")}
    assert {name for name, value in values.items() if np.isnan(value)} == undefined


def test_counted_tiles():
    y, _, _, c = run(4)
    assert METRICS["sensitivity"].counted(y, c).sum() == y.sum()
    assert METRICS["npv"].counted(y, c).sum() == (~c).sum()
    assert METRICS["roc_auc"].counted(y, c).all()

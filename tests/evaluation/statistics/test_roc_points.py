"""Points and parts of the ROC curve against scikit-learn and plain loops."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score, roc_curve
from tests.evaluation.conftest import answers_of, simulated

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings, ThresholdRule
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.roc_points import (
    PARTIAL,
    SENSITIVITY,
    SPECIFICITY,
    Point,
    point_values,
)

FAST = ScoreSettings(bootstrap=200, flips=99)


def drawn(seed=0, slides=12):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(slides), rng.integers(4, 12, slides))
    targets = rng.random(len(groups)) < 0.6
    scores = np.round(targets + rng.normal(size=len(groups)), 1)  # with ties
    return LabelledTiles(targets, groups), scores


def once(sample, answers, point):
    return point_values(sample, answers, point, np.ones((1, sample.n_groups)))[:, 0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at", [0.05, 0.1, 0.33, 1.0])
def test_partial_area_is_scikit_learns(seed, at):
    sample, scores = drawn(seed)
    theirs = roc_auc_score(sample.targets, scores, max_fpr=at)
    ours = once(sample, answers_of(scores), Point(PARTIAL, at))
    assert ours == pytest.approx([theirs], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at", [0.5, 0.8, 0.95, 1.0])
def test_points_are_the_best_of_all_thresholds(seed, at):
    sample, scores = drawn(seed)
    fpr, tpr, _ = roc_curve(sample.targets, scores, drop_intermediate=False)
    answers = answers_of(scores)
    best = max(tpr[1 - fpr >= at - 1e-12])
    assert once(sample, answers, Point(SENSITIVITY, at)) == pytest.approx([best], abs=1e-12)
    best = max(1 - fpr[tpr >= at - 1e-12])
    assert once(sample, answers, Point(SPECIFICITY, at)) == pytest.approx([best], abs=1e-12)


@pytest.mark.parametrize("kind", [SENSITIVITY, SPECIFICITY, PARTIAL])
def test_a_weight_is_a_slide_drawn_that_often(kind):
    sample, scores = drawn(5)
    weights = np.random.default_rng(1).integers(0, 3, (6, sample.n_groups)).astype(float)
    found = point_values(sample, answers_of(scores), Point(kind, 0.4), weights)[0]
    for row, value in zip(weights, found, strict=True):
        tiles = np.repeat(np.arange(len(scores)), row[sample.groups].astype(int))
        again = LabelledTiles(sample.targets[tiles], np.zeros(len(tiles), dtype=np.int64))
        expected = once(again, answers_of(scores[tiles]), Point(kind, 0.4))[0]
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", [SENSITIVITY, SPECIFICITY, PARTIAL])
def test_folds_have_curves_of_their_own(kind):
    """A shift between folds moves nothing; the value is the folds' mean, weighted by pairs."""
    sample, scores = drawn(3)
    folds = (sample.groups % 2)[None]

    def answers(shift):
        z = (scores + shift * folds[0])[None]
        return ModelPredictions("m", (0,), z, 1 / (1 + np.exp(-z)), z > 0, folds)

    point = Point(kind, 0.3)
    found = once(sample, answers(0.0), point)
    assert once(sample, answers(7.0), point) == pytest.approx(found)
    values, pairs = [], []
    for fold in (0, 1):
        mine = folds[0] == fold
        part = sample.part(mine, sample.targets)
        values.append(once(part, answers_of(scores[mine]), point)[0])
        pairs.append(part.targets.sum() * (~part.targets).sum())
    assert found == pytest.approx([np.average(values, weights=pairs)])


def test_one_class_is_undefined():
    sample = LabelledTiles(np.ones(6, bool), np.arange(6))
    assert np.isnan(once(sample, answers_of(np.arange(6.0)), Point(PARTIAL, 0.1))).all()


def test_rows_and_pairs_where_asked_for():
    settings = {"at_specificity": 0.9, "at_sensitivity": 0.9, "partial_auc": 0.1}
    settings = ScoreSettings(bootstrap=400, flips=99, **settings)
    scores = score_predictions(simulated(groups=30, seeds=3), settings)
    names = [
        "sensitivity_at_specificity_0.9",
        "specificity_at_sensitivity_0.9",
        "partial_roc_auc_0.1",
    ]
    for name in names:
        mine = [row for row in scores.rows if row.metric == name]
        assert [row.model for row in mine] == ["a", "b"]
        assert all(row.low <= row.value <= row.high for row in mine)
        [pair] = [pair for pair in scores.pairs if pair.metric == name]
        assert pair.difference == pytest.approx(mine[0].value - mine[1].value)
        assert (pair.p_value < 0.05) == (not pair.low <= 0 <= pair.high)
    assert not set(names) & {row.metric for row in score_predictions(simulated(), FAST).rows}


def test_the_choice_of_the_threshold_widens_the_interval():
    """As against sensitivity at the same threshold, taken as fixed; few negatives choose it."""
    rng = np.random.default_rng(0)
    target = np.arange(360) < 300
    columns = {
        "model": "a",
        "tile_id": [f"t{i:03}" for i in range(360)],
        "group_id": [f"s{i:03}" for i in range(360)],
        "target": target.astype(int),
        "probability": 1 / (1 + np.exp(-1.0 * target - rng.normal(size=360))),
    }
    table = check_predictions(pl.DataFrame(columns))
    chosen = score_predictions(table, FAST.model_copy(update={"at_specificity": 0.8}))
    [row] = [r for r in chosen.rows if r.metric == "sensitivity_at_specificity_0.8"]
    negative = table.filter(pl.col("target") == 0)["logit"].sort(descending=True)
    limit = float(negative[int(0.2 * len(negative))])
    rule = ThresholdRule(kind="fixed", logit=limit)
    fixed = score_predictions(table, FAST.model_copy(update={"threshold": rule}))
    [other] = [r for r in fixed.rows if r.metric == "sensitivity"]
    assert row.value == pytest.approx(other.value, abs=0.02)
    assert row.high - row.low > 1.5 * (other.high - other.low)


@pytest.mark.parametrize("bootstrap", [0, 200])
def test_without_a_basis_there_is_no_interval_and_no_verdict(bootstrap):
    few = simulated(groups=5 if bootstrap else 30)
    settings = FAST.model_copy(update={"partial_auc": 0.2, "bootstrap": bootstrap})
    scores = score_predictions(few, settings)
    [row, _] = [row for row in scores.rows if row.metric.startswith("partial")]
    [pair] = [pair for pair in scores.pairs if pair.metric.startswith("partial")]
    assert row.low is None and row.method.startswith("no interval")
    assert pair.decision == "undefined" and pair.p_value is None


def two_of(logits_a, logits_b):
    """The pair on partial ROC-AUC of two models on 20 slides of each class, two tiles each."""
    target = np.repeat(np.arange(40) < 20, 2)
    tables = [
        pl.DataFrame(
            {
                "model": model,
                "tile_id": [f"t{i:02}" for i in range(80)],
                "group_id": [f"s{i // 2:02}" for i in range(80)],
                "target": target.astype(int),
                "probability": 1 / (1 + np.exp(-logits)),
            }
        )
        for model, logits in (("a", logits_a(target)), ("b", logits_b(target)))
    ]
    settings = FAST.model_copy(update={"partial_auc": 0.5})
    scores = score_predictions(check_predictions(pl.concat(tables)), settings)
    [pair] = [pair for pair in scores.pairs if pair.metric.startswith("partial")]
    return pair


def spread(target):
    return 2.0 * target + np.linspace(-1, 1, len(target))


def test_where_resampling_shows_no_variance_there_is_no_interval_of_a_difference():
    """Two models that part the classes differ by 0 in every replicate; new slides may tell."""
    pair = two_of(lambda y: 4.0 * y + 0.01 * spread(y), lambda y: 9.0 * y - 0.01 * spread(y))
    assert pair.difference == 0
    assert (pair.low, pair.high, pair.p_value, pair.decision) == (None, None, None, "undefined")


def test_no_p_value_is_below_what_the_replicates_can_show():
    """Opposite rankings: no replicate comes near 0."""
    pair = two_of(spread, lambda y: -spread(y))
    assert pair.difference > 0.5 and pair.decision == "a"
    assert pair.p_value == pytest.approx(2 / (FAST.bootstrap + 1))


def test_a_constant_model_has_no_interval_on_a_part_of_its_curve():
    """Its value is the same whatever slides are drawn, up to rounding."""
    constant = simulated(groups=40).with_columns(logit=pl.lit(0.3), probability=pl.lit(0.574442517))
    settings = FAST.model_copy(update={"partial_auc": 0.3})
    rows = [r for r in score_predictions(constant, settings).rows if r.metric.startswith("partial")]
    assert rows
    for row in rows:
        assert row.value == pytest.approx(0.5)
        assert (row.low, row.high) == (None, None)

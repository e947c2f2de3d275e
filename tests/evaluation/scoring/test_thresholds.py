"""Thresholds: what each rule reaches on the tiles it was chosen on, and never on test."""

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_curve
from tests.evaluation.conftest import simulated

from her2bench.core.errors import UserError
from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds, with_calls
from her2bench.evaluation.scoring.settings import ScoreSettings, ThresholdRule
from her2bench.evaluation.scoring.thresholds import choose_threshold
from her2bench.evaluation.statistics.probabilistic import sigmoid

YOUDEN = ThresholdRule(kind="youden")


def tiles(seed, n=80, decimals=1):
    rng = np.random.default_rng(seed)
    targets = rng.random(n) < 0.6
    return np.round(targets + rng.normal(size=n), decimals), targets


def reached(logits, targets, threshold):
    called = logits > threshold
    return called[targets].mean(), (~called[~targets]).mean()


@pytest.mark.parametrize("seed", range(6))
def test_youden_reaches_the_best_of_all_thresholds(seed):
    logits, targets = tiles(seed)
    fpr, tpr, _ = roc_curve(targets, logits)
    ours = sum(reached(logits, targets, choose_threshold(logits, targets, YOUDEN))) - 1
    assert ours == pytest.approx((tpr - fpr).max())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("wanted", [0.5, 0.9, 1.0])
def test_a_wanted_rate_is_reached_and_no_threshold_does_better_on_the_other(seed, wanted):
    logits, targets = tiles(seed)
    every = [reached(logits, targets, t) for t in (*np.unique(logits), -99.0)]
    for kind, this, other in (("sensitivity", 0, 1), ("specificity", 1, 0)):
        threshold = choose_threshold(logits, targets, ThresholdRule(kind=kind, value=wanted))
        ours = reached(logits, targets, threshold)
        assert ours[this] >= wanted - 1e-9
        assert ours[other] == max(rates[other] for rates in every if rates[this] >= wanted - 1e-9)


def test_fixed_thresholds():
    nothing = np.zeros(0), np.zeros(0, dtype=bool)
    assert choose_threshold(*nothing, ThresholdRule()) == 0
    assert choose_threshold(*nothing, ThresholdRule(logit=0.5)) == 0.5
    assert choose_threshold(*nothing, ThresholdRule(probability=0.8)) == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    "rule",
    [
        YOUDEN,
        ThresholdRule(),
        ThresholdRule(kind="sensitivity", value=0.9),
        ThresholdRule(kind="specificity", value=0.9),
    ],
)
def test_always_positive_stays_always_positive(rule):
    targets = np.array([True, False, True])
    assert choose_threshold(np.full(3, 16.0), targets, rule) < 16
    assert choose_threshold(np.full(3, 16.0), targets, ThresholdRule(logit=20)) > 16


def test_neighbouring_floats_are_told_apart():
    low = 1.0
    high = np.nextafter(low, 2)
    logits, targets = np.array([low, high]), np.array([False, True])
    assert reached(logits, targets, choose_threshold(logits, targets, YOUDEN)) == (1, 1)


@pytest.mark.parametrize(
    ("rule", "targets"),
    [
        (YOUDEN, [1, 1]),
        (YOUDEN, [0, 0]),
        (ThresholdRule(kind="sensitivity", value=0.9), [0, 0]),
        (ThresholdRule(kind="specificity", value=0.9), [1, 1]),
    ],
)
def test_a_missing_class_is_refused(rule, targets):
    with pytest.raises(UserError, match=r"no (positive|negative) tile"):
        choose_threshold(np.array([0.0, 1.0]), np.array(targets), rule)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "sensitivity"},
        {"kind": "youden", "value": 0.9},
        {"kind": "youden", "logit": 0.5},
        {"kind": "fixed", "logit": 0.5, "probability": 0.5},
        {"kind": "fixed", "probability": 1.0},
        {"kind": "fixed", "logit": float("nan")},
        {"kind": "best"},
        {"kind": "fixed", "threshold": 0.5},
    ],
)
def test_rules_that_contradict_themselves_are_refused(wrong):
    with pytest.raises(ValidationError):
        ThresholdRule.model_validate(wrong)


def test_settings_refuse_what_they_do_not_know():
    with pytest.raises(ValidationError):
        ScoreSettings.model_validate({"margn": 0.02})


def test_thresholds_are_each_runs_own_and_only_val_is_looked_at():
    table = simulated(splits=("train", "val", "test"), seeds=2)
    called, thresholds, notes = apply_thresholds(table, YOUDEN)
    assert len(thresholds) == 4 and {t.source for t in thresholds} == {"val"}
    for t in thresholds:
        run = called.filter((pl.col("model") == t.model) & (pl.col("seed") == t.seed))
        assert (run["call"] == (run["logit"] > t.logit)).all()
        val = run.filter(pl.col("split") == "val")
        assert t.logit == choose_threshold(
            val["logit"].to_numpy(), val["target"].to_numpy(), YOUDEN
        )
    scrambled = table.with_columns(
        target=pl.when(pl.col("split") == "val").then("target").otherwise(1 - pl.col("target"))
    )
    assert apply_thresholds(scrambled, YOUDEN)[1] == thresholds
    assert [note.kind for note in notes] == ["thresholds"]


def test_without_val_a_rule_is_refused_and_never_silently_another(two_models):
    with pytest.raises(UserError, match=r"(?s)no validation tiles.*a, seed 0.*--rule fixed"):
        apply_thresholds(two_models, YOUDEN)


@pytest.mark.parametrize("logits", [False, True])
def test_a_tile_at_a_fixed_probability_is_never_positive(logits):
    """Nor is any below; every tile above is, whether or not logits stand beside, rounded."""
    p = np.arange(1, 100) / 100
    p = np.sort(np.r_[p, np.nextafter(p, 0), np.nextafter(p, 1)])
    columns = {"model": "a", "tile_id": [f"t{i:03}" for i in range(len(p))], "target": 1}
    table = pl.DataFrame({**columns, "probability": p})
    if logits:
        table = table.with_columns(logit=pl.Series(np.round(np.log(p / (1 - p)), 4)))
    table = check_predictions(table)
    for percent in range(1, 100):
        limit = percent / 100
        called, (found,), _ = apply_thresholds(table, ThresholdRule(probability=limit))
        assert (called["call"].to_numpy() == (p > limit)).all()
        assert found.probability == limit and found.scale == "probability"


@pytest.mark.parametrize("probability", [1e-12, 0.01, 0.3, 0.6, 0.7, 0.99, 1 - 1e-12])
def test_the_logit_of_a_fixed_probability_parts_tiles_where_the_probability_does(probability):
    limit = choose_threshold(np.zeros(0), np.zeros(0, bool), ThresholdRule(probability=probability))
    near = np.array([np.nextafter(limit, -np.inf), limit, np.nextafter(limit, np.inf)])
    assert ((sigmoid(near) > probability) == (near > limit)).all()


def test_calls_made_again_from_the_stored_thresholds_are_the_same():
    table = simulated(splits=("val", "test"))
    for rule in (ThresholdRule(probability=0.3), ThresholdRule(logit=0.2), YOUDEN):
        called, thresholds, _ = apply_thresholds(table, rule)
        again = with_calls(table, thresholds)
        assert again["call"].equals(called["call"])


def test_a_run_without_val_is_named_alone_beside_runs_that_have_it():
    table = simulated(splits=("val", "test"), seeds=2)
    lacks = (pl.col("model") == "a") & (pl.col("seed") == 1) & (pl.col("split") == "val")
    with pytest.raises(UserError, match=r"a, seed 1, fold 0") as error:
        apply_thresholds(table.filter(~lacks), YOUDEN)
    assert "a, seed 0" not in str(error.value) and "b, seed" not in str(error.value)

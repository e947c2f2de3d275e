"""Odd studies: nothing is claimed that has no basis, and no warning of numpy's reaches the user."""

import warnings

import numpy as np
import polars as pl
import pytest

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from tests.evaluation.conftest import simulated

FAST = ScoreSettings(bootstrap=200, flips=999)
NEED_BOTH = ("roc_auc", "average_precision", "balanced_accuracy", "f1", "mcc", "kappa")
SMOOTH = (*NEED_BOTH, "brier", "log_loss", "calibration_error")


def study(positive: int, negative: int, tiles: int = 12, seed: int = 0, models=("a", "b")):
    """Slides of one class each, `positive` and `negative` of them."""
    rng = np.random.default_rng(seed)
    slides = positive + negative
    target = np.repeat(np.arange(slides) < positive, tiles).astype(int)
    parts = []
    for model in models:
        z = 1.5 * target - 0.7 + rng.normal(size=slides).repeat(tiles) * 0.5
        columns = {
            "model": model,
            "tile_id": [f"t{i:04}" for i in range(len(target))],
            "group_id": [f"s{i}" for i in np.arange(slides).repeat(tiles)],
            "target": target,
            "probability": 1 / (1 + np.exp(-z - rng.normal(size=len(target)))),
        }
        parts.append(pl.DataFrame(columns))
    return check_predictions(pl.concat(parts))


def without_interval(scores) -> set[str]:
    return {row.metric for row in scores.rows if row.low is None}


@pytest.mark.parametrize("bootstrap", [0, 200])
@pytest.mark.parametrize(("positive", "negative"), [(1, 1), (1, 20), (20, 1)])
def test_one_slide_of_a_class_says_nothing_of_what_needs_both(positive, negative, bootstrap):
    settings = FAST.model_copy(update={"bootstrap": bootstrap})
    scores = score_predictions(study(positive, negative), settings)
    assert set(NEED_BOTH) <= without_interval(scores)
    for pair in scores.pairs:
        if pair.metric in NEED_BOTH and pair.question == "weights":
            assert pair.low is None and pair.p_value is None and pair.decision == "undefined"


def test_two_slides_are_no_basis_for_a_bootstrap():
    mixed = study(1, 1).with_columns(target=pl.col("tile_id").str.slice(-1).cast(pl.Int8) % 2)
    missing = without_interval(score_predictions(check_predictions(mixed), FAST))
    assert set(SMOOTH) - {"roc_auc"} <= missing  # which has a formula of its own


@pytest.mark.parametrize(("positive", "negative"), [(3, 3), (5, 20), (20, 5)])
def test_few_slides_of_a_class_get_t_not_a_bootstrap(positive, negative):
    scores = score_predictions(study(positive, negative), FAST)
    rows = {row.metric: row for row in scores.rows if row.model == "a"}
    for metric in ("f1", "mcc", "kappa", "average_precision", "balanced_accuracy"):
        assert rows[metric].method.startswith("linearised t") and rows[metric].low is not None
    boot = {row.metric: row for row in score_predictions(study(20, 20), FAST).rows}
    assert boot["f1"].method.startswith("bootstrap")


def test_balanced_accuracy_without_a_visible_error_of_one_class_is_not_certain():
    """All negative tiles are correctly classified, on five slides: the sixth may hold an error."""
    table = study(20, 5)
    p = pl.when(pl.col("target") == 0).then(0.1).otherwise(pl.col("probability"))
    scores = score_predictions(
        check_predictions(table.with_columns(probability=p).drop("logit")), FAST
    )
    rows = {row.metric: row for row in scores.rows if row.model == "a"}
    half = (rows["specificity"].value - rows["specificity"].low) / 2
    assert rows["specificity"].value == 1
    assert rows["balanced_accuracy"].value - rows["balanced_accuracy"].low > half


@pytest.mark.parametrize("seed", range(4))
def test_interval_and_p_value_never_contradict_each_other(seed):
    table = simulated(seed=seed, groups=12 + 5 * seed, models=("a", "b", "c"))
    shifted = pl.col("logit") + 0.35 * (pl.col("model") == "a") * (2 * pl.col("target") - 1)
    table = table.with_columns(probability=1 / (1 + (-shifted).exp())).drop("logit")
    for bootstrap in (0, 400):
        settings = FAST.model_copy(update={"bootstrap": bootstrap})
        for pair in score_predictions(check_predictions(table), settings).pairs:
            if pair.low is not None and pair.p_value is not None:
                assert (pair.p_value < 0.05) == (not pair.low <= 0 <= pair.high), pair


def odd_studies():
    base = study(6, 6)
    constant = base.with_columns(probability=0.7).drop("logit")
    sure = base.with_columns(probability=pl.col("target").cast(float)).drop("logit")
    yield "one tile", base.filter(pl.col("tile_id") == "t0000")
    yield "one slide", base.filter(pl.col("group_id") == "s0")
    yield "two slides", study(1, 1)
    yield "one class", base.filter(pl.col("target") == 1)
    yield "other class", base.filter(pl.col("target") == 0)
    yield "constant", check_predictions(constant)
    yield "certain and right", check_predictions(sure)
    wrong = sure.with_columns(probability=1 - pl.col("probability"))
    yield "certain and wrong", check_predictions(wrong)
    yield "one tile per slide", study(6, 6, tiles=1)
    yield "slides unknown", check_predictions(base.drop("group_id"))
    yield (
        "val too",
        pl.concat(
            [
                s.with_columns(split=pl.lit(n), tile_id=pl.lit(n) + "tile_id")
                for n, s in (("val", base), ("test", base))
            ]
        ),
    )
    yield (
        "three constant seeds",
        check_predictions(
            pl.concat([constant.with_columns(seed=pl.lit(s, dtype=pl.Int64)) for s in range(3)])
        ),
    )
    folds = pl.concat([base.with_columns(fold=pl.lit(f, dtype=base["fold"].dtype)) for f in (0, 1)])
    yield "tiles judged twice", folds
    yield (
        "no positive call",
        check_predictions(base.with_columns(probability=pl.col("probability") / 10).drop("logit")),
    )


@pytest.mark.parametrize("bootstrap", [0, 200])
@pytest.mark.parametrize(
    ("name", "table"), list(odd_studies()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_no_warning_reaches_the_user(name, table, bootstrap):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score_predictions(table, FAST.model_copy(update={"bootstrap": bootstrap}))
    for row in scores.rows:
        if row.low is not None and row.value is not None:
            assert row.low - 1e-9 <= row.value <= row.high + 1e-9, row


def test_a_constant_model_is_named():
    table = study(6, 6)
    p = pl.when(pl.col("model") == "b").then(0.7).otherwise(pl.col("probability"))
    scores = score_predictions(
        check_predictions(table.with_columns(probability=p).drop("logit")), FAST
    )
    [note] = [note for note in scores.notes if note.kind == "constant_model"]
    assert (note.split, note.models) == ("test", ("b",))

"""What must hold whatever the predictions are."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import METRICS
from tests.evaluation.conftest import simulated

LINEAR = ScoreSettings(bootstrap=0, flips=999)


@st.composite
def predictions(draw) -> pl.DataFrame:
    """Two models, 8 to 14 slides of 2 to 9 tiles, ties likely."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    slides = np.repeat(np.arange(draw(st.integers(8, 14))), rng.integers(2, 10))
    targets = rng.random(len(slides)) < 0.6
    targets[:2], targets[-2:] = True, False
    decimals = draw(st.integers(1, 3))
    parts = []
    for model in ("a", "b"):
        z = np.round(targets + rng.normal(size=len(slides)) - 0.5, decimals)
        parts.append(
            pl.DataFrame(
                {
                    "model": model,
                    "tile_id": [f"t{i}" for i in range(len(slides))],
                    "group_id": [f"s{i}" for i in slides],
                    "target": targets.astype(int),
                    "probability": 1 / (1 + np.exp(-z)),
                }
            )
        )
    return check_predictions(pl.concat(parts))


def numbers(scores, *names):
    rows = [getattr(row, name) for row in scores.rows for name in names]
    return [np.nan if value is None else value for value in rows]


def compared(scores, *names):
    pairs = [getattr(pair, name) for pair in scores.pairs for name in names]
    return [np.nan if value is None else value for value in pairs]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(predictions(), st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(table, seed):
    rng = np.random.default_rng(seed)
    shuffled = table.with_columns(_at=pl.Series(rng.permutation(len(table)))).sort("_at")
    shuffled = shuffled.drop("_at")
    one = score_predictions(table, LINEAR)
    other = score_predictions(shuffled, LINEAR)
    ours, by_name = (
        sorted(scores.rows, key=lambda row: (row.model, row.metric)) for scores in (one, other)
    )
    assert [r.metric for r in by_name] == [r.metric for r in ours]
    for mine, theirs in zip(ours, by_name, strict=True):
        if mine.value is not None:
            assert (mine.value, mine.low, mine.high) == pytest.approx(
                (theirs.value, theirs.low, theirs.high), abs=1e-9
            )


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_every_tile_twice_moves_no_estimate_and_hardly_an_interval(seed):
    """The degrees of freedom move a little: twins look like tiles that are very much alike."""
    table = simulated(seed, groups=50)
    twice = pl.concat([table, table.with_columns(tile_id=pl.col("tile_id") + "-again")])
    one, other = score_predictions(table, LINEAR), score_predictions(twice, LINEAR)
    for mine, theirs in zip(one.rows, other.rows, strict=True):
        if mine.metric == "calibration_error":
            continue  # its bins may fall between other tiles
        assert theirs.value == pytest.approx(mine.value, abs=1e-9)
        assert theirs.groups == mine.groups and theirs.tiles == 2 * mine.tiles
        width = mine.high - mine.low
        assert (theirs.low, theirs.high) == pytest.approx((mine.low, mine.high), abs=0.1 * width)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(predictions(), st.sampled_from([np.cbrt, lambda z: 5 * z + 1, np.tanh, np.exp]))
def test_a_monotone_transform_leaves_auc_alone(table, transform):
    moved = transform(table["logit"].to_numpy())
    probability = pl.Series(1 / (1 + np.exp(-moved)))
    other = check_predictions(table.with_columns(probability=probability).drop("logit"))
    scores = [
        [
            (row.value, row.low, row.high)
            for row in score_predictions(each, LINEAR).rows
            if row.metric in ("roc_auc", "average_precision")
        ]
        for each in (table, other)
    ]
    assert np.array(scores[0]) == pytest.approx(np.array(scores[1]), abs=1e-9)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(predictions())
def test_swapping_the_models_flips_signs(table):
    swapped = table.sort("model", descending=True, maintain_order=True)
    one, other = score_predictions(table, LINEAR), score_predictions(swapped, LINEAR)
    names = ("difference", "low", "high")
    mine = np.array(compared(one, *names)).reshape(-1, 3)
    theirs = np.array(compared(other, "difference", "high", "low")).reshape(-1, 3)
    assert -theirs == pytest.approx(mine, abs=1e-9, nan_ok=True)
    assert compared(one, "p_value") == pytest.approx(compared(other, "p_value"), nan_ok=True)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(predictions(), st.sampled_from([0.0, 16.0, -3.0]))
def test_a_constant_model_is_handled(table, logit):
    constant = pl.when(pl.col("model") == "b").then(logit).otherwise(pl.col("logit"))
    probability = 1 / (1 + (-pl.col("logit")).exp())
    flat = table.with_columns(logit=constant).with_columns(probability=probability)
    rows = {
        r.metric: r
        for r in score_predictions(check_predictions(flat), LINEAR).rows
        if r.model == "b"
    }
    assert rows["roc_auc"].value == 0.5 and rows["mcc"].value is None
    called_all = logit > 0
    assert rows["sensitivity"].value == called_all
    assert rows["specificity"].value == (not called_all)
    assert (rows["npv"].value is None) == called_all


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(predictions())
def test_intervals_hold_their_estimates_and_stay_in_range(table):
    scores = score_predictions(table, ScoreSettings(bootstrap=200, flips=99))
    for row in scores.rows:
        if row.low is not None and row.high is not None and row.value is not None:
            if row.metric not in METRICS:
                assert row.low <= row.value <= row.high
                continue
            metric = METRICS[row.metric]
            assert metric.least <= row.low <= row.high <= metric.most
            if metric.interval != "bootstrap":
                assert row.low <= row.value <= row.high
    for pair in scores.pairs:
        if pair.p_value is not None:
            assert 0 <= pair.p_value <= pair.p_adjusted <= 1

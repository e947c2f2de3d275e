"""How tiles become slides, chosen on validation slides alone."""

import numpy as np
import polars as pl
import pytest

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.levels import score_slides
from her2bench.evaluation.scoring.settings import ThresholdRule
from her2bench.evaluation.scoring.slide_settings import SlideSettings

from .test_levels import FAST, row, tiles

CHOOSE = SlideSettings(aggregate="choose")


def test_the_choice_is_made_on_validation_slides():
    """Only the greatest tile tells the classes apart: a high quantile wins."""
    table = tiles(seed=3, models=("a",), slides=40)
    base = pl.col("tile_id").rank("ordinal").over("model", "split", "group_id") == 1
    noise = pl.Series(np.random.default_rng(5).uniform(0.3, 0.6, len(table)))
    certain = pl.when(base & (pl.col("target") == 1)).then(0.99).otherwise(noise)
    table = check_predictions(table.with_columns(probability=certain).drop("logit"))
    scores, _ = score_slides(table, FAST, SlideSettings(aggregate="choose", quantile=0.95))
    assert {(e.aggregate, e.quantile, e.source) for e in scores.aggregates} == {
        ("quantile", 0.95, "val")
    }
    (note,) = (n for n in scores.notes if n.kind == "slide_aggregate")
    assert "0.95 quantile" in note.text


def test_test_slides_have_no_say_in_the_choice_nor_in_thresholds():
    table = tiles(seeds=2, slides=40)
    slide = SlideSettings(aggregate="choose", threshold=ThresholdRule(kind="youden"))
    before, _ = score_slides(table, FAST, slide)
    shuffled = table.with_columns(
        probability=pl.when(pl.col("split") == "test")
        .then(1 - pl.col("probability"))
        .otherwise("probability")
    )
    after, _ = score_slides(check_predictions(shuffled.drop("logit")), FAST, slide)
    assert after.aggregates == before.aggregates
    assert after.thresholds == before.thresholds
    assert {each.source for each in after.thresholds} == {"val"}
    assert row(after, "roc_auc").value != row(before, "roc_auc").value


def test_ties_go_to_the_first_in_order():
    table = check_predictions(
        tiles(slides=40).with_columns(probability=pl.col("target") * 0.8 + 0.1).drop("logit")
    )
    scores, _ = score_slides(table, FAST, CHOOSE)
    assert {(e.aggregate, e.source) for e in scores.aggregates} == {("mean", "val")}


@pytest.mark.parametrize("table", [tiles(slides=12), tiles(splits=("test",))])
def test_few_validation_slides_take_the_mean_and_say_so(table):
    scores, _ = score_slides(table, FAST, CHOOSE)
    assert {(e.aggregate, e.source) for e in scores.aggregates} == {("mean", "default")}
    (note,) = (n for n in scores.notes if n.kind == "few_validation_slides")
    assert "fewer than 5 validation slides" in note.text and note.models == ("a", "b")


@pytest.mark.parametrize("quantile", [0, 1, 1.5, -0.1, "most"])
def test_an_absurd_quantile_is_refused(quantile):
    with pytest.raises(ValueError, match="quantile"):
        SlideSettings(aggregate="quantile", quantile=quantile)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="needs a quantile"):
        SlideSettings(aggregate="quantile")
    with pytest.raises(ValueError, match="takes no quantile"):
        SlideSettings(aggregate="mean", quantile=0.9)

"""The slide-level call of `predict` is that of the comparison for the same tiles."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.evaluation.conftest import four_scores, simulated

from her2bench.core.predictions import check_predictions
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import write_scores
from her2bench.evaluation.scoring.levels import score_levels, slides_of
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import SlideSettings
from her2bench.prediction.ensemble import Ensemble, Member
from her2bench.prediction.slide_rule import SlideRule, slide_rule


def of(*members: tuple[int, int]) -> Ensemble:
    folder = ComparisonFolder(Path("out"))
    return Ensemble("a", tuple(Member(folder.run("a", *m), *m) for m in members))


def comparison(path: Path, slide: SlideSettings | None, fixed: float | None = None):
    """A comparison with scores of slides, and its test tiles with calls."""
    table = simulated(seed=1, models=("a",), seeds=2, splits=("val", "test"))
    of_slide = pl.col("group_id").str.extract(r"(\d+)$").cast(pl.Int64) % 2
    tiles = check_predictions(table.with_columns(target=of_slide))
    rule = {"kind": "youden"} if fixed is None else {"kind": "fixed", "probability": fixed}
    settings = ScoreSettings.model_validate({"bootstrap": 0, "threshold": rule})
    scores = score_levels(tiles, settings, slide)
    folder = ComparisonFolder(path)
    write_scores(scores, folder.scores)
    called = apply_thresholds(tiles, settings.threshold)[0]
    named = pl.when("call").then(pl.lit("positive")).otherwise(pl.lit("negative"))
    return folder, called.with_columns(call=named), scores, tiles


@pytest.mark.parametrize("aggregate", ["mean", "share", "quantile"])
@pytest.mark.parametrize("fixed", [None, 0.4])
def test_a_slide_gets_what_the_comparison_gave_it(tmp_path, aggregate, fixed):
    quantile = 0.8 if aggregate == "quantile" else None
    wanted = SlideSettings(aggregate=aggregate, quantile=quantile)
    folder, called, scores, tiles = comparison(tmp_path, wanted, fixed)
    assert scores.slide is not None
    slides = slides_of(tiles, scores.thresholds, scores.slide)
    rule = slide_rule(folder, of((1, 0)))
    assert isinstance(rule, SlideRule)
    mine = called.filter((pl.col("seed") == 1) & (pl.col("split") == "test"))
    for (slide,), rows in mine.partition_by("group_id", as_dict=True).items():
        found = rule.applied(rows)
        (row,) = slides.filter(
            (pl.col("seed") == 1) & (pl.col("group_id") == slide) & (pl.col("split") == "test")
        ).iter_rows(named=True)
        assert found["probability"] == row["probability"]
        assert found["call"] == ("positive" if row["call"] else "negative")
        assert (found["aggregate"], found["quantile"]) == (aggregate, quantile)


def test_thresholds_of_several_runs_are_averaged(tmp_path):
    folder, _, scores, _ = comparison(tmp_path, SlideSettings())
    both = slide_rule(folder, of((0, 0), (1, 0)))
    assert isinstance(both, SlideRule) and scores.slide is not None
    logits = [each.logit for each in scores.slide.thresholds]
    assert both.threshold.logit == pytest.approx(sum(logits) / 2) and len(logits) == 2


def test_without_one_rule_the_reason_is_given(tmp_path):
    assert "does not lie in a comparison" in str(slide_rule(None, of((0, 0))))
    folder = ComparisonFolder(tmp_path)
    assert "no scores.json" in str(slide_rule(folder, of((0, 0))))
    _, _, scores, _ = comparison(tmp_path, None)
    assert "no section [slide]" in str(slide_rule(folder, of((0, 0))))
    _, _, scores, _ = comparison(tmp_path, SlideSettings())
    assert "not scored slides with all" in str(slide_rule(folder, of((0, 0), (7, 0))))
    assert scores.slide is not None
    first, second = scores.slide.aggregates
    mixed = replace(scores.slide, aggregates=(first, replace(second, aggregate="median")))
    write_scores(replace(scores, slide=mixed), folder.scores)
    assert "different ways" in str(slide_rule(folder, of((0, 0), (1, 0))))


def test_the_mean_of_the_four_scores_goes_with_it(tmp_path):
    folder, _, _, _ = comparison(tmp_path, SlideSettings())
    rule = slide_rule(folder, of((0, 0)))
    assert isinstance(rule, SlideRule)
    rows = four_scores(("a",), groups=1).with_columns(call=pl.lit("negative"))
    found = rule.applied(rows)
    assert [found[f"p{s}"] for s in range(4)] == [rows[f"p{s}"].mean() for s in range(4)]

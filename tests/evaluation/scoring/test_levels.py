"""Slides as rows: labels, aggregates and thresholds from validation alone, the plain formulas."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from her2bench.core.errors import UserError
from her2bench.core.predictions import COLUMNS, check_predictions
from her2bench.core.scores import read_scores, write_scores
from her2bench.evaluation.scoring.levels import in_slides, score_levels, score_slides, slides_of
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings, ThresholdRule
from her2bench.evaluation.scoring.slide_settings import SlideSettings
from her2bench.evaluation.statistics.intervals import wilson

FAST = ScoreSettings(bootstrap=0, flips=99)
MEAN = SlideSettings()


def tiles(
    seed=0, slides=30, models=("a", "b"), seeds=1, splits=("val", "test"), folds=1, shift=0.0
):
    """Slides of one label each, with tiles of unequal numbers."""
    rng, parts = np.random.default_rng(seed), []
    for split in splits:
        sizes = rng.integers(3, 12, slides)
        slide = np.repeat(np.arange(slides), sizes)
        label = (np.arange(slides) % 3 > 0)[slide]
        shared = rng.normal(size=slides)[slide]
        for model in models:
            for s in range(seeds):
                own = rng.normal(size=slides)[slide]
                z = label - 0.5 + shift + 0.7 * shared + 0.7 * own + rng.normal(size=len(slide))
                columns = {
                    "model": model,
                    "seed": s,
                    "fold": slide % folds,
                    "split": split,
                    "tile_id": [f"{split}-{i}" for i in range(len(slide))],
                    "group_id": [f"{split}-slide-{g:03}" for g in slide],
                    "target": label.astype(int),
                    "probability": 1 / (1 + np.exp(-z)),
                }
                parts.append(pl.DataFrame(columns))
    return check_predictions(pl.concat(parts))


def row(scores, metric, model="a", split="test"):
    (found,) = (r for r in scores.rows if (r.metric, r.model, r.split) == (metric, model, split))
    return found


def test_a_slide_is_one_row_per_model_seed_and_fold():
    scores, table = score_slides(tiles(seeds=2), FAST, MEAN)
    assert table.columns == list(COLUMNS)
    assert table.height == 2 * 2 * 2 * 30
    assert (table["tile_id"] == table["group_id"]).all()
    assert {r.level for r in scores.rows} == {p.level for p in scores.pairs} == {"slide"}
    assert row(scores, "accuracy").tiles == row(scores, "accuracy").groups == 30


@pytest.mark.parametrize("how", ["mean", "median", "share", "quantile"])
def test_aggregated_by_hand(how):
    table = tiles()
    quantile = 0.8 if how == "quantile" else None
    scores, _ = score_slides(table, FAST, SlideSettings(aggregate=how, quantile=quantile))
    rules = {
        "mean": pl.col("probability").mean(),
        "median": pl.col("probability").median(),
        "share": (pl.col("probability") > 0.5).mean(),
        "quantile": pl.col("probability").quantile(0.8, "linear"),
    }
    mine = table.filter((pl.col("model") == "a") & (pl.col("split") == "test"))
    slides = mine.group_by("group_id").agg(pl.col("target").first(), p=rules[how])
    target, p = slides["target"].to_numpy(), slides["p"].to_numpy()
    assert row(scores, "roc_auc").value == pytest.approx(roc_auc_score(target, p), abs=1e-12)
    assert row(scores, "sensitivity").value == pytest.approx((p > 0.5)[target == 1].mean())
    assert row(scores, "kappa").value == pytest.approx(cohen_kappa_score(target, p > 0.5))
    assert {(e.aggregate, e.quantile, e.source) for e in scores.aggregates} == {
        (how, quantile, "fixed")
    }


def test_intervals_are_delongs_and_wilsons():
    """DeLong's variance, but for n / (n - 1) in each class, which the jackknife has; Wilson's."""
    scores, table = score_slides(tiles(slides=60), FAST, MEAN)
    mine = table.filter((pl.col("model") == "a") & (pl.col("split") == "test"))
    p, target = mine["probability"].to_numpy(), mine["target"].to_numpy() == 1
    beats = (p[target][:, None] > p[~target]) + 0.5 * (p[target][:, None] == p[~target])
    variance = sum(
        part.var(ddof=1) / len(part) * len(part) / (len(part) - 1)
        for part in (beats.mean(axis=1), beats.mean(axis=0))
    )
    auc = row(scores, "roc_auc")
    pair = next(q for q in scores.pairs if (q.metric, q.question) == ("roc_auc", "weights"))
    assert auc.method == "Obuchowski, logit t, slides as independent"
    half = stats.norm.ppf(0.975) * np.sqrt(variance) / (auc.value * (1 - auc.value))
    plain = 1 / (1 + np.exp(-(np.log(auc.value / (1 - auc.value)) + np.array([-half, half]))))
    # Student's t for the normal, and half a slide added: wider, by a few per cent.
    assert auc.low < plain[0] < plain[1] < auc.high
    assert auc.high - auc.low < 1.1 * (plain[1] - plain[0])
    called = (p > 0.5)[target]
    found = row(scores, "sensitivity")
    ends = wilson(called.mean(), len(called), stats.norm.ppf(0.975))
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-9)
    assert found.design_effect == pytest.approx(1)
    assert pair.se_slides == pytest.approx(np.sqrt(_delong(mine, table)), rel=1e-9)


def _delong(mine, table):
    """DeLong's variance of the difference of two ROC-AUCs, with (n / (n - 1)) for either class."""
    other = table.filter((pl.col("model") == "b") & (pl.col("split") == "test"))
    target, total = mine["target"].to_numpy() == 1, 0.0
    scores = [part.sort("tile_id")["probability"].to_numpy() for part in (mine, other)]
    target = mine.sort("tile_id")["target"].to_numpy() == 1
    beats = [p[target][:, None] > p[~target] for p in scores]
    for axis in (1, 0):
        apart = beats[0].mean(axis=axis) - beats[1].mean(axis=axis)
        total += apart.var(ddof=1) / (len(apart) - 1)
    return total


def test_slides_are_scored_as_any_table_of_independent_units():
    scores, table = score_slides(tiles(), FAST, MEAN)
    plain = score_predictions(table, FAST)
    assert [replace(r, level="tile") for r in scores.rows] == list(plain.rows)
    assert scores.thresholds == plain.thresholds


def test_a_constant_model_is_at_one_half():
    """Rounding of the mean must not rank slides of 3 and of 7 equal tiles."""
    flat = tiles(models=("flat",)).with_columns(probability=pl.lit(1 - 1e-7))
    scores, _ = score_slides(check_predictions(flat.drop("logit")), FAST, MEAN)
    assert row(scores, "roc_auc", "flat").value == 0.5


def test_two_labels_are_listed():
    table = tiles().with_columns(
        target=pl.when(pl.col("tile_id") == "test-0").then(1 - pl.col("target")).otherwise("target")
    )
    with pytest.raises(UserError) as error:
        score_slides(table, FAST, MEAN)
    assert "test-slide-000: 1 positive tiles" in error.value.found
    assert error.value.found.startswith("1 slides hold tiles of both classes")


def test_slides_that_are_unknown_or_divided_are_refused():
    with pytest.raises(UserError, match="no column 'group_id'"):
        score_slides(tiles().with_columns(group_id=pl.lit(None, pl.String)), FAST, MEAN)
    one = tiles(splits=("test",))
    two = one.with_columns(split=pl.lit("val"), tile_id="val" + pl.col("tile_id"))
    with pytest.raises(UserError) as error:
        score_slides(pl.concat([one, two]), FAST, MEAN)
    assert "test-slide-000: test, val" in error.value.found


def test_a_rule_for_thresholds_needs_validation_slides():
    slide = SlideSettings(threshold=ThresholdRule(kind="youden"))
    with pytest.raises(UserError) as error:
        score_slides(tiles(splits=("test",)), FAST, slide)
    assert "no validation slides to choose it on" in error.value.found


def test_the_tiles_rule_holds_for_slides_unless_they_have_their_own():
    settings = FAST.model_copy(update={"threshold": ThresholdRule(probability=0.3)})
    scores, _ = score_slides(tiles(), settings, MEAN)
    assert {each.probability for each in scores.thresholds} == {0.3}
    own = SlideSettings(threshold=ThresholdRule(probability=0.6))
    scores, _ = score_slides(tiles(), settings, own)
    assert {each.probability for each in scores.thresholds} == {0.6}


def test_a_share_counts_the_tiles_above_each_runs_own_threshold():
    settings = FAST.model_copy(update={"threshold": ThresholdRule(probability=0.3)})
    _, table = score_slides(tiles(), settings, SlideSettings(aggregate="share"))
    mine = (
        tiles().group_by("model", "split", "group_id").agg(p=(pl.col("probability") > 0.3).mean())
    )
    joined = table.join(mine, on=["model", "split", "group_id"])
    assert joined["probability"].to_numpy() == pytest.approx(joined["p"].to_numpy())


def test_levels_stand_side_by_side_and_are_read_again(tmp_path):
    scores = score_levels(tiles(), FAST, MEAN)
    assert scores.slide is not None
    assert {r.level for r in scores.rows} == {"tile"} and {r.level for r in scores.slide.rows} == {
        "slide"
    }
    assert replace(scores, slide=None) == score_levels(tiles(), FAST)
    write_scores(scores, tmp_path / "scores.json")
    assert read_scores(tmp_path / "scores.json") == scores


def test_slides_are_rebuilt_from_tiles_and_scores():
    table = tiles(seeds=2, slides=40)
    slide = SlideSettings(aggregate="choose", threshold=ThresholdRule(kind="youden"))
    scores = score_levels(table, FAST, slide)
    assert scores.slide is not None
    again = slides_of(table, scores.thresholds, scores.slide)
    mine = again.filter(
        (pl.col("model") == "a") & (pl.col("split") == "test") & (pl.col("target") == 1)
    )
    by_seed = mine.group_by("seed").agg(pl.col("call").mean())
    assert by_seed["call"].mean() == pytest.approx(row(scores.slide, "sensitivity").value)


def test_folds_rank_slides_within_themselves():
    scores, _ = score_slides(tiles(slides=60, folds=3), FAST, MEAN)
    assert row(scores, "roc_auc").groups == 60
    assert any(note.kind == "folds" and "each slide" in note.text for note in scores.notes)


def test_further_columns_stay_where_a_slides_tiles_agree():
    table = tiles().with_columns(
        scanner=pl.when(pl.col("group_id").str.ends_with("0"))
        .then(pl.lit("A"))
        .otherwise(pl.lit("B")),
        tile_score=pl.lit(1),
        score=pl.col("target") * 2,
    )
    settings = FAST.model_copy(update={"by": ("scanner",)})
    scores, slides = score_slides(check_predictions(table), settings, MEAN)
    assert set(slides["scanner"]) == {"A", "B"} and "tile_score" not in slides.columns
    assert {part.column for part in scores.breakdown} == {"scanner", "score"}
    assert not any(r.model == "ceiling" for r in scores.rows)


def test_notes_speak_of_slides():
    scores, _ = score_slides(tiles(slides=12, folds=3), FAST, MEAN)
    assert not any(note.kind in ("scaling_refused", "slides_unknown") for note in scores.notes)
    for note in scores.notes:
        if note.kind != "slide_aggregate":
            assert in_slides(note.text) == note.text
    (few, *_) = (n for n in scores.notes if n.kind == "few_slides")
    assert few.text.startswith("12 slides, 8 positive and 4 negative. Intervals are wide")

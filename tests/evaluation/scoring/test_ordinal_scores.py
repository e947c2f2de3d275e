"""Whole score runs of models that predict the four scores."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score
from tests.evaluation.conftest import four_scores

from her2bench.api.scoring import score
from her2bench.core.errors import UserError
from her2bench.core.ordinal import CUTS, SCORE_COLUMNS, at_least, predicted_scores
from her2bench.core.predictions import check_predictions
from her2bench.core.score_columns import at_endpoint
from her2bench.core.scores import read_scores, scores_json, write_scores
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import names_of
from her2bench.evaluation.statistics.multiplicity import holm

FAST = ScoreSettings(bootstrap=200, flips=99)


def rows_of(scores, model="a"):
    return {row.metric: row for row in scores.rows if row.model == model}


@pytest.fixture(scope="module")
def table():
    return four_scores(seeds=3)


@pytest.fixture(scope="module")
def scores(table):
    return score_predictions(table, FAST)


def test_every_metric_of_the_scores_has_a_row_with_an_interval_and_a_pair(scores):
    rows = rows_of(scores)
    pairs = {(p.metric, p.question): p for p in scores.pairs}
    for name in names_of("ordinal"):
        row = rows[name]
        assert row.low < row.value < row.high
        assert row.recipe_low < row.value < row.recipe_high
        assert "clustered by slide" in row.method and row.groups == 30
        for question in ("weights", "recipe"):
            pair = pairs[name, question]
            assert pair.low < pair.difference < pair.high and 0 < pair.p_value <= 1


def test_p_values_are_corrected_within_each_metric():
    pairs = score_predictions(four_scores(("a", "b", "c")), FAST).pairs
    for name in ("quadratic_kappa", "within_one", "roc_auc_at_3"):
        family = [p for p in pairs if (p.metric, p.question) == (name, "weights")]
        adjusted = holm(np.array([p.p_value for p in family]))
        assert [p.p_adjusted for p in family] == pytest.approx(adjusted)


@pytest.mark.parametrize("cut", CUTS)
def test_the_rows_at_a_cut_are_those_of_the_binary_arithmetic(table, scores, cut):
    binary = score_predictions(at_endpoint(table, f"{cut}+").drop(SCORE_COLUMNS), FAST)
    names = ("roc_auc", "calibration_error", "calibration_intercept", "calibration_slope")
    for model in ("a", "b"):
        at_cut, alone = rows_of(scores, model), rows_of(binary, model)
        for name in names:
            one, other = at_cut[f"{name}_at_{cut}"], alone[name]
            ours = (one.value, one.low, one.high, one.recipe_low, one.recipe_high)
            theirs = (other.value, other.low, other.high, other.recipe_low, other.recipe_high)
            assert ours == pytest.approx(theirs, abs=1e-12), name
    pairs = [p for p in scores.pairs if p.metric == f"roc_auc_at_{cut}"]
    expected = [p for p in binary.pairs if p.metric == "roc_auc"]
    assert [(p.difference, p.p_value) for p in pairs] == [
        (pytest.approx(p.difference), pytest.approx(p.p_value)) for p in expected
    ]


@pytest.mark.parametrize("endpoint", ["1+", "2+", "3+"])
def test_a_derived_endpoint_equals_a_binary_table_made_by_hand(table, endpoint):
    """`probability` is the sum of the scores' probabilities, `target` the score at the cut."""
    cut = int(endpoint[0])
    p = table.select(SCORE_COLUMNS).to_numpy()
    by_hand = table.select("model", "seed", "tile_id", "group_id").with_columns(
        target=(table["score"] >= cut).cast(pl.Int8), probability=pl.Series(p[:, cut:].sum(axis=1))
    )
    derived = score(table, endpoint=endpoint, bootstrap=200, flips=99).scores
    binary = score(by_hand, bootstrap=200, flips=99).scores
    wanted = {(r.model, r.metric): r for r in binary.rows}
    found = {(r.model, r.metric): r for r in derived.rows if (r.model, r.metric) in wanted}
    assert set(found) == set(wanted)
    for key, row in wanted.items():
        assert found[key].value == pytest.approx(row.value, abs=1e-12), key
        if row.low is not None:
            assert (found[key].low, found[key].high) == pytest.approx((row.low, row.high), abs=1e-9)


def test_a_binary_model_stands_in_one_table_with_the_derived_endpoint(table):
    binary = at_endpoint(table, "3+").filter(pl.col("model") == "a").drop(SCORE_COLUMNS)
    binary = binary.with_columns(model=pl.lit("net"))
    together = check_predictions(pl.concat([table, binary], how="diagonal"))
    with pytest.raises(UserError, match="different targets"):
        score(together, bootstrap=0)
    scores = score(together, endpoint="3+", bootstrap=0).scores
    net, a = rows_of(scores, "net"), rows_of(scores, "a")
    assert net["roc_auc"].value == pytest.approx(a["roc_auc"].value)
    assert "quadratic_kappa" in a and "quadratic_kappa" not in net
    between = [p for p in scores.pairs if {p.model_a, p.model_b} == {"a", "net"}]
    assert {p.metric for p in between} == set(names_of("binary"))


def test_the_tables_of_scores_hold_every_tile_and_every_slide_of_one_score(table, scores):
    tiles, slides = (
        next(t for t in scores.score_tables if (t.model, t.unit) == ("a", unit))
        for unit in ("tile", "slide")
    )
    first = table.filter((pl.col("model") == "a") & (pl.col("seed") == 0))
    assert np.sum(tiles.counts, axis=1) == pytest.approx(np.bincount(first["score"]))
    several = first.group_by("group_id").agg(pl.col("score").n_unique())
    assert slides.left_out == (several["score"] > 1).sum() > 0
    assert np.sum(slides.counts) == pytest.approx(30 - slides.left_out, abs=1e-4)
    assert sum(note.kind == "slides_of_several_scores" for note in scores.notes) == 1


def test_the_table_by_slide_is_of_the_mean_of_the_tiles_probabilities(table, scores):
    counts = np.zeros((4, 4))
    for (_, _), rows in table.filter(pl.col("model") == "b").group_by("seed", "group_id"):
        if rows["score"].n_unique() == 1:
            mean = rows.select(SCORE_COLUMNS).mean().to_numpy()
            predicted = sum(int(at_least(mean, cut)[0] > 0.5) for cut in CUTS)
            counts[rows["score"][0], predicted] += 1 / 3
    [found] = [t for t in scores.score_tables if (t.model, t.unit) == ("b", "slide")]
    assert np.array(found.counts) == pytest.approx(counts, abs=1e-5)


def test_unknown_slides_have_no_table_by_slide():
    scores = score_predictions(four_scores(("a",), known=False), FAST)
    assert [table.unit for table in scores.score_tables] == ["tile"]


def test_binary_tables_have_nothing_of_the_scores(table):
    scores = score_predictions(table.drop(SCORE_COLUMNS), FAST)
    assert not scores.score_tables
    assert not [r for r in scores.rows if r.metric in names_of("ordinal") or "_at_" in r.metric]
    assert not [n for n in scores.notes if n.kind in ("predicted_score", "few_slides_of_a_score")]


def test_scores_json_is_read_back_as_it_was(scores, tmp_path):
    write_scores(scores, tmp_path / "scores.json")
    assert read_scores(tmp_path / "scores.json") == scores
    assert json.loads(scores_json(scores))["score_tables"][0]["unit"] == "tile"


def test_the_verdict_may_rest_on_a_metric_of_the_scores(table):
    settings = ScoreSettings(bootstrap=0, primary="quadratic_kappa")
    scores = score_predictions(table, settings)
    [pair] = [p for p in scores.pairs if (p.metric, p.question) == ("quadratic_kappa", "weights")]
    assert pair.margin == settings.margin and pair.p_equivalent is not None
    with pytest.raises(UserError, match=r"(?s)primary.*quadratic_kappa.*missing for:\s+a\s+b"):
        score_predictions(table.drop(SCORE_COLUMNS), settings)


def test_the_cut_and_the_rule_of_the_predicted_score_are_said(table):
    [note] = [n for n in score_predictions(table, FAST).notes if n.kind == "predicted_score"]
    assert "score of 2+ or more, p2 + p3;" in note.text
    moved = score_predictions(at_endpoint(table, "3+"), FAST)
    [note] = [n for n in moved.notes if n.kind == "predicted_score"]
    assert "score of 3+ or more, p3;" in note.text


def test_few_slides_of_a_score_are_counted(scores):
    [note] = [n for n in scores.notes if n.kind == "few_slides_of_a_score"]
    assert note.severity == "warning" and note.split == "test" and "3+: " in note.text


def test_without_reference_scores_the_metrics_are_left_out_with_a_warning(table):
    scores = score_predictions(check_predictions(table.drop("score")), FAST)
    assert [n.kind for n in scores.notes].count("no_reference_score") == 1
    assert "quadratic_kappa" not in rows_of(scores)


@pytest.mark.parametrize("slides", [1, 2, 3])
def test_a_handful_of_slides_has_no_basis_for_an_interval_or_a_verdict(slides):
    few = four_scores(groups=30).filter(
        pl.col("group_id").is_in([f"slide-{k}" for k in range(slides)])
    )
    scores = score_predictions(few, FAST)
    json.loads(scores_json(scores))
    row = rows_of(scores)["quadratic_kappa"]
    assert (row.low is None) == (slides < 3)
    [pair] = [p for p in scores.pairs if (p.metric, p.question) == ("within_one", "weights")]
    assert (pair.p_value is None) == (slides == 1)


def test_different_scores_of_one_tile_are_refused(table):
    other = pl.when((pl.col("model") == "b") & (pl.col("tile_id") == "tile-0000"))
    changed = table.with_columns(score=other.then(1).otherwise(pl.col("score")).cast(pl.Int8))
    assert table["score"][0] == 0
    with pytest.raises(UserError, match=r"different scores for 1 of \d+ tiles:\s+tile-0000"):
        score_predictions(changed, FAST)


def test_a_cuts_metrics_have_labels():
    assert label_of("roc_auc_at_3") == "ROC-AUC at 3+"
    assert label_of("calibration_slope_at_1") == "calibration slope at 1+"


def one_score_per_slide(table):
    """The tiles of slides with one score, in slides of one, two or more tiles."""
    return table.filter(pl.col("score").n_unique().over("group_id") == 1)


def test_slides_have_the_metrics_of_the_scores_by_the_mean_of_their_tiles(table):
    tiles = one_score_per_slide(table)
    slides = score(tiles, level="slide", bootstrap=0).scores
    by_hand = tiles.group_by("model", "seed", "group_id").agg(
        pl.col("score", *SCORE_COLUMNS).mean()
    )
    kappas = [
        cohen_kappa_score(
            rows["score"].cast(pl.Int64),
            predicted_scores(rows.select(SCORE_COLUMNS).to_numpy()),
            weights="quadratic",
        )
        for _, rows in by_hand.filter(pl.col("model") == "a").group_by("seed")
    ]
    row = rows_of(slides)["quadratic_kappa"]
    assert row.value == pytest.approx(np.mean(kappas)) and row.level == "slide"
    assert {each.unit for each in slides.score_tables} == {"slide"}
    assert np.sum(slides.score_tables[0].counts) == pytest.approx(
        tiles["group_id"].n_unique(), abs=1e-4
    )


@pytest.mark.parametrize("aggregate", ["share", "median"])
def test_other_aggregates_of_slides_are_binary(table, aggregate):
    """Also where all tiles of a slide have one of the probabilities in common."""
    tiles = one_score_per_slide(table).unique(["model", "seed", "group_id"], keep="first")
    slides = score(tiles, level="slide", aggregate=aggregate, bootstrap=0).scores
    assert "quadratic_kappa" not in rows_of(slides) and not slides.score_tables


def test_slides_of_several_scores_are_binary(table):
    tiles = table.filter((pl.col("score") >= 2).n_unique().over("group_id") == 1)
    assert len(one_score_per_slide(tiles)) < len(tiles)
    slides = score(tiles, level="slide", bootstrap=0).scores
    assert "quadratic_kappa" not in rows_of(slides) and "roc_auc" in rows_of(slides)

"""Ensembles: the mean logit, thresholds of their own, pairs, and what is refused."""

import numpy as np
import polars as pl
import pytest
from tests.evaluation.conftest import simulated

from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS, at_least, logits_at
from her2bench.core.predictions import check_predictions
from her2bench.core.score_parts import Ensemble
from her2bench.evaluation.scoring.ensembles import ensemble_rows, folds_alike, with_ensembles
from her2bench.evaluation.scoring.levels import score_slides
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import SlideSettings
from her2bench.evaluation.scoring.thresholds import choose_threshold

FAST = {"bootstrap": 0, "flips": 99}


def settings(**more) -> ScoreSettings:
    return ScoreSettings.model_validate(FAST | more)


def brute(table, models, tile, split="test"):
    """The mean of the models' mean logits for one tile."""
    rows = table.filter((pl.col("tile_id") == tile) & (pl.col("split") == split))
    means = [rows.filter(pl.col("model") == m)["logit"].mean() for m in models]
    return sum(means) / len(means)


def folded(table: pl.DataFrame, folds: int, alike: bool) -> pl.DataFrame:
    """Networks of several folds: each tile a test tile of all of them, or of one."""
    tile = pl.col("tile_id").str.extract(r"(\d+)$").cast(pl.Int64)
    if not alike:
        return table.with_columns(fold=tile % folds)
    parts = [
        table.with_columns(fold=pl.lit(k, pl.Int64), logit=pl.col("logit") + k / 10)
        for k in range(folds)
    ]
    return pl.concat(parts)


def test_seeds_are_averaged_for_each_tile():
    table = simulated(seeds=3, splits=("val", "test"))
    found, ensembles, _ = with_ensembles(table, settings(seed_ensembles=True))
    assert ensembles == (
        Ensemble("a ensemble", ("a",), 3),
        Ensemble("b ensemble", ("b",), 3),
    )
    mine = found.filter((pl.col("model") == "a ensemble") & (pl.col("split") == "test"))
    tile = mine["tile_id"][7]
    assert mine.height == table.filter(pl.col("split") == "test").height / 6
    assert mine["logit"][7] == pytest.approx(brute(table, ["a"], tile))
    assert mine["probability"][7] == pytest.approx(1 / (1 + np.exp(-mine["logit"][7])))
    assert found.columns == table.columns and set(mine["seed"]) == {0}
    assert mine["group_id"].null_count() == 0


def test_models_are_averaged_with_one_weight_each():
    table = simulated(seeds=3)
    table = table.filter((pl.col("model") == "a") | (pl.col("seed") == 0))  # b has one seed
    [one] = with_ensembles(table, settings(ensembles={"both": ["a", "b"]}))[1]
    assert one == Ensemble("both", ("a", "b"), 4)
    rows = ensemble_rows(table, [one])
    assert rows["logit"][3] == pytest.approx(brute(table, ["a", "b"], rows["tile_id"][3]))


def test_folds_that_judge_the_same_tiles_are_averaged_and_others_are_not():
    table = simulated(seeds=2, models=("a",))
    for alike in (True, False):
        folds = folded(table, 3, alike)
        assert folds_alike(folds) == alike
        [one] = with_ensembles(folds, settings(seed_ensembles=True))[1]
        rows = ensemble_rows(folds, [one])
        assert one.networks == (6 if alike else 2) and one.folds == alike
        assert set(rows["fold"]) == ({0} if alike else {0, 1, 2})
        assert rows.height == table.height / 2
        assert rows["logit"][5] == pytest.approx(brute(folds, ["a"], rows["tile_id"][5]))


def test_the_threshold_is_that_of_its_own_validation_tiles():
    table = simulated(seeds=3, splits=("val", "test"))
    wanted = settings(ensembles={"both": ["a", "b"]}, threshold={"kind": "youden"})
    scores = score_predictions(table, wanted)
    [mine] = [each for each in scores.thresholds if each.model == "both"]
    rows = ensemble_rows(table, scores.ensembles).filter(pl.col("split") == "val")
    logits, targets = rows["logit"].to_numpy(), rows["target"].to_numpy()
    assert mine.logit == choose_threshold(logits, targets, wanted.threshold)


def test_pairs_of_ensembles_leave_those_of_networks_as_they_are():
    table = simulated(seeds=3)
    table = pl.concat(
        [table, table.filter(pl.col("model") == "b").with_columns(model=pl.lit("dab_baseline"))]
    )
    plain = score_predictions(table, settings())
    more = score_predictions(table, settings(seed_ensembles=True, ensembles={"all": ["a", "b"]}))
    kept = [pair for pair in more.pairs if not pair.family.startswith("ensembles")]
    assert list(plain.pairs) == kept
    of_all = [p for p in more.pairs if "all" in (p.model_a, p.model_b) and p.metric == "roc_auc"]
    assert {p.question for p in of_all} == {"weights"}
    assert {(p.model_a, p.model_b, p.family) for p in of_all} == {
        ("a", "all", "ensembles"),
        ("b", "all", "ensembles"),
        ("a ensemble", "all", "ensembles"),
        ("b ensemble", "all", "ensembles"),
        ("dab_baseline ensemble", "all", "ensembles"),
        ("all", "dab_baseline", "ensembles against baselines"),
    }
    assert all(p.verdict and p.p_adjusted is not None for p in of_all)
    rows = [r for r in more.rows if r.model == "all" and r.metric == "roc_auc"]
    assert rows[0].low < rows[0].value < rows[0].high and rows[0].recipe_low is None
    assert any(note.kind == "ensembles" and "all" in note.models for note in more.notes)


def test_an_ensemble_of_equal_networks_is_the_network():
    table = simulated(models=("a",))
    twice = pl.concat([table, table.with_columns(seed=pl.lit(1, pl.Int64))])
    scores = score_predictions(twice, settings(seed_ensembles=True))
    [pair] = [p for p in scores.pairs if p.metric == "roc_auc"]
    assert pair.difference == 0 and pair.decision == "equivalent"


def test_a_probability_of_one_does_not_decide_alone():
    table = simulated(seeds=2, models=("a",)).with_columns(
        logit=pl.when(pl.col("seed") == 0).then(-744.0).otherwise(5.0)
    )
    [one] = with_ensembles(table, settings(seed_ensembles=True))[1]
    assert set(ensemble_rows(table, [one])["logit"]) == {(-36.0 + 5.0) / 2}


def test_validation_tiles_that_fewer_networks_judge_are_said():
    table = simulated(seeds=1, models=("a",), splits=("val", "test"))
    test = folded(table.filter(pl.col("split") == "test"), 3, alike=True)
    val = folded(table.filter(pl.col("split") == "val"), 3, alike=False)
    notes = with_ensembles(pl.concat([val, test]), settings(seed_ensembles=True))[2]
    assert [note.kind for note in notes] == ["ensembles", "ensemble_validation"]


def of_scores(seeds: int = 2) -> pl.DataFrame:
    """An ordinal model: four probabilities, the binary columns made from them at 2+."""
    rng = np.random.default_rng(5)
    parts = []
    for seed in range(seeds):
        p = rng.dirichlet(np.ones(4), 60)
        columns = dict(zip(SCORE_COLUMNS, p.T, strict=True))
        about = {"model": "m", "seed": seed, "tile_id": [f"t{i}" for i in range(60)]}
        slides = {"group_id": [f"s{i // 4}" for i in range(60)], "score": np.arange(60) // 4 % 4}
        parts.append(pl.DataFrame(about | slides | columns))
    return check_predictions(pl.concat(parts))


def test_an_ensemble_of_ordinal_models_averages_the_logits_at_each_cut():
    table = of_scores()
    [one] = with_ensembles(table, settings(seed_ensembles=True))[1]
    rows = ensemble_rows(table, [one]).sort("tile_id")
    of_tiles = [part.sort("tile_id") for part in table.partition_by("seed")]
    found = rows.select(SCORE_COLUMNS).to_numpy()
    assert found.sum(axis=1) == pytest.approx(1) and (found >= 0).all()
    for cut in (1, 2, 3):
        logits = [logits_at(part.select(SCORE_COLUMNS).to_numpy(), cut) for part in of_tiles]
        assert logits_at(found, cut) == pytest.approx(np.mean(logits, axis=0))
    assert rows["probability"].to_numpy() == pytest.approx(at_least(found, 2))


def test_ordinal_metrics_of_an_ensemble_are_compared_apart_and_binary_members_leave_none():
    table = of_scores()
    binary = table.with_columns(
        pl.lit("b").alias("model"), *(pl.lit(None, pl.Float64).alias(p) for p in SCORE_COLUMNS)
    )
    scores = score_predictions(pl.concat([table, binary]), settings(seed_ensembles=True))
    assert any(r.model == "m ensemble" and r.metric == "quadratic_kappa" for r in scores.rows)
    at_cut = [p for p in scores.pairs if p.metric == "roc_auc_at_3"]
    assert at_cut and {p.family for p in at_cut} == {"ensembles"}
    both = with_ensembles(pl.concat([table, binary]), settings(ensembles={"x": ["m", "b"]}))[0]
    assert both.filter(pl.col("model") == "x")["p0"].null_count() == 60


def test_at_slide_level_the_tiles_of_the_ensemble_are_put_together():
    table = of_scores().drop(*SCORE_COLUMNS)
    wanted = settings(seed_ensembles=True)
    scores, slides = score_slides(table, wanted, SlideSettings())
    rows = ensemble_rows(table, scores.ensembles)
    first = rows.filter(pl.col("group_id") == "s3")["probability"].mean()
    mine = slides.filter((pl.col("model") == "m ensemble") & (pl.col("group_id") == "s3"))
    assert mine["probability"].to_list() == [pytest.approx(first)]
    assert {p.family for p in scores.pairs} == {"ensembles"}
    assert any(note.kind == "ensembles" for note in scores.notes)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"ensembles": {"x": ["a", "c"]}}, "no model 'c'"),
        ({"ensembles": {"a": ["a", "b"]}}, "'a' is the name of a model"),
    ],
)
def test_wrong_names_are_refused(wanted, message):
    with pytest.raises(UserError, match=message):
        with_ensembles(simulated(), settings(**wanted))


def test_an_ensemble_in_the_table_already_is_refused():
    table = simulated(seeds=2)
    found = with_ensembles(table, settings(seed_ensembles=True))[0]
    with pytest.raises(UserError, match="have a model of the name"):
        with_ensembles(found, settings(seed_ensembles=True))


def test_models_on_other_tiles_are_refused():
    table = simulated()
    other = table.filter(~((pl.col("model") == "b") & (pl.col("tile_id") == "test-0003")))
    with pytest.raises(UserError, match="1 test tile"):
        with_ensembles(other, settings(ensembles={"both": ["a", "b"]}))


@pytest.mark.parametrize(
    "ensembles", [{"a/b": ["a"]}, {"x": []}, {"x": ["a", "a"]}, {"dab_baseline": ["a"]}]
)
def test_wrong_settings_are_refused(ensembles):
    with pytest.raises(ValueError, match="name"):
        settings(ensembles=ensembles)

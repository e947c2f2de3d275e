"""Metrics by a column, and whether they differ between its values."""

from functools import cache

import numpy as np
import polars as pl
import pytest
from tests.evaluation.conftest import simulated

from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.predictions import check_predictions
from her2bench.core.scores import read_scores, write_scores
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import names_of

FAST = ScoreSettings(bootstrap=0, flips=99, by=("scanner",))
SLIDE = pl.col("group_id").str.extract(r"(\d+)$").cast(pl.Int64)


def with_scanners(scanners=2, worse: str | None = None, groups: int = 60, seed: int = 0):
    """Slides of several scanners; on "s0" one model may be worse."""
    table = simulated(seed=seed, groups=groups, models=("a", "b", "c"))
    scanner = pl.format("s{}", SLIDE % scanners)
    if worse:
        spoilt = (pl.col("model") == worse) & (scanner == "s0")
        logit = pl.when(spoilt).then(-pl.col("logit")).otherwise(pl.col("logit"))
        table = table.with_columns(probability=1 / (1 + (-logit).exp())).drop("logit")
    return check_predictions(table.with_columns(scanner=scanner))


@cache
def scored(scanners=2, worse=None):
    return score_predictions(with_scanners(scanners, worse), FAST)


def interactions(scores, metric="roc_auc", pairs=False):
    return [t for t in scores.interactions if t.metric == metric and bool(t.model_b) == pairs]


def test_a_subgroup_has_the_values_of_its_tiles_alone():
    table, scores = with_scanners(), scored()
    alone = score_predictions(table.filter(pl.col("scanner") == "s1"), FAST)
    rows = {r.metric: r for r in alone.rows if r.model == "b"}
    mine = [s for s in scores.subgroups if (s.model, s.subgroup) == ("b", "s1")]
    assert {s.metric for s in mine} == set(names_of("binary"))
    for each in mine:
        row = rows[each.metric]
        assert (each.value, each.low, each.high) == (row.value, row.low, row.high), each.metric
        assert (each.tiles, each.groups) == (row.tiles, row.groups)


def test_two_subgroups_have_one_contrast_and_three_have_three():
    two, three = (scored(k) for k in (2, 3))
    assert [(t.model_a, t.subgroup) for t in interactions(two)] == [(m, "s0") for m in "abc"]
    assert len(interactions(three)) == 9 and len(interactions(three, pairs=True)) == 9
    first = interactions(three)[0]
    values = {
        s.subgroup: s.value
        for s in three.subgroups
        if (s.model, s.metric) == (first.model_a, "roc_auc")
    }
    assert first.contrast == pytest.approx(values["s0"] - (values["s1"] + values["s2"]) / 2)


def test_a_model_that_fails_on_one_scanner_is_seen():
    scores = scored(worse="b")
    assert {t.model_a: t.decision for t in interactions(scores)} == {
        "a": "undecided",
        "b": "differs",
        "c": "undecided",
    }
    pairs = {(t.model_a, t.model_b): t for t in interactions(scores, pairs=True)}
    assert pairs["a", "b"].decision == pairs["b", "c"].decision == "differs"
    assert pairs["a", "c"].decision == "undecided" and pairs["a", "b"].contrast > 0.3
    assert pairs["a", "b"].low > 0


def test_holms_correction_is_over_subgroups_and_models():
    found = interactions(scored(3))
    smallest = min(found, key=lambda t: t.p_value)
    assert smallest.p_adjusted == pytest.approx(min(9 * smallest.p_value, 1))


def test_calibration_error_has_values_and_no_test():
    scores = scored()
    assert not interactions(scores, "calibration_error")
    assert any(s.metric == "calibration_error" for s in scores.subgroups)


def test_few_slides_are_in_no_test_and_said():
    table = with_scanners().with_columns(
        scanner=pl.when(SLIDE < 3).then(pl.lit("rare")).otherwise(pl.col("scanner"))
    )
    scores = score_predictions(table, FAST)
    assert {t.subgroup for t in interactions(scores)} == {"s0"}  # of two that are tested
    [note] = [note for note in scores.notes if note.kind == "small_subgroups"]
    assert "rare" in note.text and "(3)" in note.text
    mine = [s for s in scores.subgroups if s.subgroup == "rare" and s.metric == "roc_auc"]
    assert not any(s.tested for s in mine)


def test_tiles_of_one_slide_in_several_subgroups_are_paired():
    table = with_scanners()
    within = table.with_columns(
        scanner=pl.format("s{}", pl.col("tile_id").str.extract(r"(\d+)$").cast(pl.Int64) % 2)
    )
    found = interactions(score_predictions(within, FAST))
    assert all(t.df <= 59 for t in found) and all(t.p_value is not None for t in found)


def test_slides_themselves_are_no_subgroups():
    settings = FAST.model_copy(update={"by": ("group_id",)})
    assert not score_predictions(simulated(), settings).subgroups


def test_they_are_written_and_read(tmp_path):
    scores = scored()
    write_scores(scores, tmp_path / "scores.json")
    found = read_scores(tmp_path / "scores.json")
    assert found.subgroups == scores.subgroups and found.interactions == scores.interactions


def test_a_binary_model_beside_an_ordinal_one_has_the_binary_metrics_alone():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 160)
    about = {
        "model": "m",
        "tile_id": [f"t{i}" for i in range(160)],
        "group_id": [f"s{i // 4}" for i in range(160)],
        "score": np.arange(160) // 4 % 4,
        "scanner": np.where(np.arange(160) // 4 % 8 < 4, "x", "y"),
    }
    ordinal = check_predictions(pl.DataFrame(about | dict(zip(SCORE_COLUMNS, p.T, strict=True))))
    null = [pl.lit(None, pl.Float64).alias(name) for name in SCORE_COLUMNS]
    both = pl.concat([ordinal, ordinal.with_columns(pl.lit("b").alias("model"), *null)])
    alone, beside = (score_predictions(table, FAST) for table in (ordinal, both))
    assert "quadratic_kappa" in {s.metric for s in alone.subgroups}
    assert any(t.metric == "quadratic_kappa" for t in alone.interactions)
    assert {s.metric for s in beside.subgroups} == set(names_of("binary"))


@pytest.mark.parametrize("own", ["model", "probability"])
def test_a_column_that_differs_between_models_is_no_subgroup_of_tiles(own):
    table = with_scanners().with_columns(scanner=pl.col(own))
    with pytest.raises(UserError, match="values that differ between the models of one tile"):
        score_predictions(table, FAST)

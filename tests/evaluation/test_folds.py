"""ROC-AUC and average precision within folds, against sums over all pairs of a fold."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions, SeedPredictions
from her2bench.evaluation.statistics.bootstrap import Resampler
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.ranking import fold_inflation
from tests.evaluation.conftest import simulated

FAST = ScoreSettings(bootstrap=200, flips=99)


def study(seed=0, groups=30, folds=4):
    """Slides of unequal size with ties; the last fold's slides hold negative tiles only."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rng.integers(3, 15, groups))
    fold = codes % folds
    targets = (rng.random(len(codes)) < 0.6) & (fold < folds - 1)
    scores = targets + rng.normal(size=groups)[codes] + rng.normal(size=len(codes))
    return LabelledTiles(targets, codes), np.round(scores + 3 * fold, 1), fold


def answers(scores, fold):
    p = 1 / (1 + np.exp(-scores))
    return ModelPredictions("model", (0,), scores[None], p[None], scores[None] > 0, fold[None])


def pairs_of(scores, targets, fold):
    """Psi, and whether the pair counts, for each positive (rows) and negative tile (columns)."""
    x, y = scores[targets][:, None], scores[~targets][None]
    return (x > y) + 0.5 * (x == y), fold[targets][:, None] == fold[~targets][None]


@pytest.mark.parametrize("seed", range(3))
def test_auc_and_its_clustered_variance_against_all_pairs_within_folds(seed):
    sample, scores, fold = study(seed)
    psi, counts = pairs_of(scores, sample.targets, fold)
    auc = (psi * counts).sum() / counts.sum()
    guess = estimate("roc_auc", sample, answers(scores, fold), 5)
    assert guess.value == pytest.approx(auc, abs=1e-12)
    away = (psi - auc) * counts / counts.sum()
    total = np.zeros(sample.n_groups)
    for sums, held, axis in (
        (away.sum(1), counts.sum(1), sample.targets),
        (away.sum(0), counts.sum(0), ~sample.targets),
    ):
        of_slide = np.bincount(sample.groups[axis], weights=sums, minlength=sample.n_groups)
        share = np.bincount(sample.groups[axis], weights=held, minlength=sample.n_groups)
        total += of_slide / (1 - share / counts.sum())
    inflation = fold_inflation(sample, fold)
    assert guess.variance * inflation == pytest.approx((total**2).sum(), abs=1e-12)
    assert inflation == pytest.approx(1 + 2 * (1 / 7.6 - 1 / 30), rel=0.05)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_influence_is_the_derivative_by_a_tiles_weight(metric):
    sample, scores, fold = study(5)
    rest = scores, sample.targets, sample.targets, 5
    value, slope = METRICS[metric].influence(SeedPredictions(sample.targets, *rest, fold))
    n, times = len(scores), 2000
    for row in (0, 1, n // 2, n - 1):  # the row once more among `times` copies of all
        many = np.r_[np.tile(np.arange(n), times), row]
        arrays = (part[many] for part in (sample.targets, *rest[:3]))
        more = METRICS[metric].of(SeedPredictions(*arrays, 5, fold[many]))
        assert (more - value) * times == pytest.approx(slope[row], abs=2e-4)
    assert slope.sum() == pytest.approx(0, abs=1e-12)


def test_average_precision_is_the_folds_mean_weighted_by_positives():
    sample, scores, fold = study(1)
    folds = [(sample.targets[fold == k], scores[fold == k]) for k in range(3)]
    expected = [average_precision_score(*each) for each in folds]
    weights = [truth.sum() for truth, _ in folds]
    guess = estimate("average_precision", sample, answers(scores, fold), 5)
    assert guess.value == pytest.approx(np.average(expected, weights=weights), abs=1e-12)
    resampler = Resampler(sample, answers(scores, fold), ("average_precision",), 5)
    drawn = np.r_[[np.ones(sample.n_groups)], [np.arange(sample.n_groups) % 3 * 1.0]]
    values = resampler.values(drawn)["average_precision"]
    assert values[0] == pytest.approx(guess.value)
    many = np.repeat(np.arange(len(scores)), drawn[1].astype(int)[sample.groups])
    truth, ranked, of = sample.targets[many], scores[many], fold[many]
    expected = [average_precision_score(truth[of == k], ranked[of == k]) for k in range(3)]
    weights = [truth[of == k].sum() for k in range(3)]
    assert values[1] == pytest.approx(np.average(expected, weights=weights))


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_shift_of_one_folds_logits_changes_nothing(metric):
    sample, scores, fold = study(2)
    one, other = (
        estimate(metric, sample, answers(s, fold), 5) for s in (scores, scores - 2 * fold)
    )
    assert one.value == pytest.approx(other.value)
    assert one.variance == pytest.approx(other.variance)


def cross_validated(seeds=1):
    """Five folds of slides, each network's logits shifted by its own amount."""
    table = simulated(seeds=seeds, groups=40)
    fold = pl.col("group_id").str.extract(r"(\d+)$").cast(pl.Int64) % 5
    shifted = table.with_columns(fold=fold, logit=pl.col("logit") + 3 * fold)
    return check_predictions(shifted.with_columns(probability=1 / (1 + (-pl.col("logit")).exp())))


def row_of(scores, metric="roc_auc", model="a"):
    return next(r for r in scores.rows if (r.metric, r.model) == (metric, model))


def test_scores_rank_within_folds_and_say_so():
    table = cross_validated()
    scores = score_predictions(table, FAST)
    a = table.filter(pl.col("model") == "a")
    folds = [part for _, part in a.group_by("fold")]
    aucs = [roc_auc_score(part["target"], part["logit"]) for part in folds]
    pairs = [int((p["target"] == 1).sum()) * int((p["target"] == 0).sum()) for p in folds]
    assert row_of(scores).value == pytest.approx(np.average(aucs, weights=pairs))
    assert any("within each fold" in note.text for note in scores.notes)


def test_networks_of_several_folds_on_one_test_set_count_like_seeds():
    """Each of five networks has AUC x; pooled they would have less."""
    one = simulated(groups=20).filter(pl.col("model") == "a")
    folds = [
        one.with_columns(pl.lit(k, pl.Int64).alias("fold"), logit=pl.col("logit") * (k + 1) + k)
        for k in range(5)
    ]
    table = check_predictions(
        pl.concat(folds).with_columns(probability=1 / (1 + (-pl.col("logit")).exp()))
    )
    several, single = score_predictions(table, FAST), score_predictions(one, FAST)
    for metric in ("roc_auc", "average_precision"):
        ours, alone = row_of(several, metric), row_of(single, metric)
        assert ours.value == pytest.approx(alone.value)
        assert (ours.tiles, ours.counted_tiles) == (alone.tiles, alone.counted_tiles)
        assert ours.design_effect == pytest.approx(alone.design_effect)
    assert (row_of(several).low, row_of(several).high) == pytest.approx(
        (row_of(single).low, row_of(single).high)
    )
    assert [(b.tiles, b.positives) for b in several.breakdown] == [
        (b.tiles, b.positives) for b in single.breakdown
    ]
    assert not any("not trained on it" in note.text for note in several.notes)
    assert any("5 folds scored the same tiles" in note.text for note in several.notes)


def test_no_fold_of_both_classes_has_no_auc():
    table = simulated(groups=20).with_columns(fold=pl.col("target").cast(pl.Int64))
    scores = score_predictions(table, FAST)
    assert row_of(scores).value is None
    assert any("no fold holds both classes" in note.text for note in scores.notes)


def test_seeds_may_be_divided_into_folds_in_different_ways():
    table = cross_validated(seeds=2)
    other = table.with_columns(
        fold=pl.when(pl.col("seed") == 1).then(4 - pl.col("fold")).otherwise(pl.col("fold"))
    )
    assert row_of(score_predictions(other, FAST)).value == pytest.approx(
        row_of(score_predictions(table, FAST)).value
    )

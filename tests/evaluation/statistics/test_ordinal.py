"""The metrics of the four scores against scikit-learn, plain loops and small steps."""

import numpy as np
import pytest
from sklearn import metrics as sk
from tests.evaluation.conftest import scored_answers

from her2bench.core.ordinal import predicted_scores
from her2bench.evaluation.statistics import ordinal
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions, SeedPredictions
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap, slide_weights
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.evaluation.statistics.permutation import slide_contributions

NAMES = names_of("ordinal")
TABLES = {
    "quadratic_kappa": ordinal.QUADRATIC_KAPPA,
    "score_accuracy": ordinal.SCORE_ACCURACY,
    "within_one": ordinal.WITHIN_ONE,
    "mean_absolute_error": ordinal.MEAN_ABSOLUTE_ERROR,
    "macro_f1": ordinal.MACRO_F1,
}


def ranked_by_loop(y, p):
    """The squared distance of the two distribution functions, summed over 0, 1 and 2."""
    total = 0.0
    for score, row in zip(y, p, strict=True):
        for k in range(3):
            total += (sum(row[: k + 1]) - (score <= k)) ** 2
    return total / len(y)


REFERENCES = {
    "quadratic_kappa": lambda y, s, p: sk.cohen_kappa_score(y, s, weights="quadratic"),
    "score_accuracy": lambda y, s, p: sk.accuracy_score(y, s),
    "within_one": lambda y, s, p: np.mean(np.abs(y - s) <= 1),
    "mean_absolute_error": lambda y, s, p: sk.mean_absolute_error(y, s),
    "macro_f1": lambda y, s, p: sk.f1_score(y, s, average="macro"),
    "ranked_probability_score": lambda y, s, p: ranked_by_loop(y, p),
}


def run(seed: int, n: int = 200, levels=(0, 1, 2, 3)) -> SeedPredictions:
    rng = np.random.default_rng(seed)
    y = rng.choice(levels, n)
    p = rng.dirichlet(np.ones(4), n) + 0.8 * np.eye(4)[y] * rng.random((n, 1))
    return of(y, p / p.sum(axis=1, keepdims=True))


def of(y, p) -> SeedPredictions:
    above = p[:, 2] + p[:, 3]
    logits = np.log(above + 1e-9) - np.log(1 - above + 1e-9)
    return SeedPredictions(y >= 2, logits, above, above > 0.5, 15, None, y, p)


def reference(name: str, of_run: SeedPredictions) -> float:
    p = of_run.distribution
    return REFERENCES[name](of_run.scores, predicted_scores(p), p)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [(0, 1, 2, 3), (0, 3), (1, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_value_is_the_references(name, seed, levels):
    drawn = run(seed, levels=levels)
    assert METRICS[name].of(drawn) == pytest.approx(reference(name, drawn), abs=1e-12)


def test_every_ordinal_metric_has_an_outside_reference():
    assert set(NAMES) == set(REFERENCES)


def test_the_ranked_probability_score_of_certain_answers_is_the_mean_absolute_error():
    drawn = run(5)
    certain = of(drawn.scores, np.eye(4)[predicted_scores(drawn.distribution)])
    error = METRICS["mean_absolute_error"].of(drawn)
    assert METRICS["ranked_probability_score"].of(certain) == pytest.approx(error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tile", [0, 3, 17])
def test_influence_is_the_derivative_by_the_tiles_weight(name, tile):
    drawn = run(2, n=60)
    value, each = METRICS[name].influence(drawn)
    assert each.sum() == pytest.approx(0, abs=1e-12)
    copies = 2000
    order = np.r_[np.repeat(np.arange(60), copies), np.full(20, tile)]
    moved = METRICS[name].of(drawn.take(order))
    assert (moved - value) * copies / 20 == pytest.approx(each[tile], abs=2e-3, rel=2e-2)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("absent", [False, True])
def test_gradient_is_the_slope(name, absent):
    counts = np.random.default_rng(1).integers(1, 30, 16).astype(float)
    if absent:  # a score that nobody gave
        counts.reshape(4, 4)[:, 1] = counts.reshape(4, 4)[1] = 0
    metric, step = TABLES[name], 1e-5
    for cell in np.flatnonzero(counts):
        up, down = counts.copy(), counts.copy()
        up[cell] += step
        down[cell] -= step
        slope = (metric.value(up) - metric.value(down)) / (2 * step)
        assert metric.gradient(counts)[cell] == pytest.approx(slope, abs=1e-8)


def test_kappa_is_undefined_where_reference_and_prediction_are_one_and_the_same_score():
    one = of(np.full(8, 2), np.tile([0.0, 0.0, 1.0, 0.0], (8, 1)))
    assert np.isnan(METRICS["quadratic_kappa"].of(one))
    assert METRICS["score_accuracy"].of(one) == METRICS["macro_f1"].of(one) == 1


def study(seed=0, groups=60, seeds=1) -> tuple[LabelledTiles, list[ModelPredictions]]:
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rng.integers(4, 9, groups))
    scores = rng.integers(0, 4, groups)[codes]
    sample = LabelledTiles(scores >= 2, codes, scores=scores)
    latent = scores + rng.normal(size=groups)[codes]
    return sample, [
        scored_answers(latent + rng.normal(size=(seeds, len(codes))), name) for name in ("a", "b")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_variance_is_near_the_jackknifes(name):
    sample, (answers, _) = study(1)
    left_out = []
    for g in range(60):
        keep = sample.groups != g
        distributions = answers.distributions[:, keep]
        part = scored_answers(answers.logits[:, keep], "a", distributions)
        left_out.append(estimate(name, sample.part(keep, sample.targets), part, 5).value)
    jackknife = 59 / 60 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum()
    assert estimate(name, sample, answers, 5).variance == pytest.approx(jackknife, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_the_bootstrap_against_a_plain_loop(name):
    sample, (answers, _) = study(groups=12, seeds=2)
    resampler = Resampler(sample, answers, NAMES, 5)
    [ours] = bootstrap([resampler], sample, 40, np.random.default_rng(7))
    drawn = np.concatenate(list(slide_weights(sample, 40, np.random.default_rng(7))))
    for weights, found in zip(drawn, ours[name], strict=True):
        tiles = np.repeat(np.arange(len(sample.targets)), weights[sample.groups].astype(int))
        runs = answers.with_truth(sample.targets, 5, sample.scores)
        expected = np.mean([METRICS[name].of(each.take(tiles)) for each in runs])
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_slides_contributions_sum_to_the_difference_and_a_swap_turns_their_signs(name):
    sample, (a, b) = study(3, seeds=2)
    one, other = (estimate(name, sample, each, 5) for each in (a, b))
    parts = slide_contributions(Difference(one, other), a, b)
    assert parts.sum() == pytest.approx(one.value - other.value, abs=1e-4)
    assert slide_contributions(Difference(other, one), b, a) == pytest.approx(-parts, abs=1e-12)

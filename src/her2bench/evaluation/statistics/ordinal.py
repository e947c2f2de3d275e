"""Metrics of the four scores: agreement of the predicted score, and the whole distribution.

All but one are functions of the 4 x 4 table of reference and predicted scores, whose cell of
reference i and prediction j stands at 4 i + j. The predicted score is the median of the
distribution (`core.ordinal`).
"""

from dataclasses import replace

import numpy as np

from her2bench.core.ordinal import CUTS, at_least, predicted_scores
from her2bench.evaluation.statistics.arrays import Floats, Ints, SeedPredictions
from her2bench.evaluation.statistics.confusion import CountMetric, divided, ratio
from her2bench.evaluation.statistics.metric import Metric
from her2bench.evaluation.statistics.probabilistic import MeanMetric

LEVELS = 4
CELLS = LEVELS**2
STEPS = np.abs(np.arange(LEVELS)[:, None] - np.arange(LEVELS)).astype(np.float64)
"""(4, 4), by how many steps reference and prediction differ."""


def score_cells(run: SeedPredictions) -> Ints:
    """Each tile's cell of the table of scores: (n,) int64, 4 x reference + prediction."""
    assert run.scores is not None and run.distribution is not None
    return LEVELS * run.scores + predicted_scores(run.distribution)


def ranked_terms(run: SeedPredictions) -> Floats:
    """Each tile's ranked probability score, (n,), 0 to 3: the sum of squared errors at the cuts.

    sum over the cuts c of (P(score >= c) - [reference >= c])². Of a certain prediction it is the
    distance in scores, so that the mean is the mean absolute error.

    Source: Epstein 1969, J Appl Meteorol 8:985; Gneiting and Raftery 2007, JASA 102:359.
    """
    assert run.scores is not None and run.distribution is not None
    errors = [at_least(run.distribution, cut) - (run.scores >= cut) for cut in CUTS]
    return np.square(errors).sum(axis=0)


def _of_table(metric: CountMetric) -> CountMetric:
    return replace(metric, cell=score_cells, size=CELLS)


def _ratio_of(above: Floats) -> CountMetric:
    """The mean of a (4, 4) quantity over the tiles."""
    return _of_table(ratio(tuple(above.ravel()), (1,) * CELLS))


def _square(counts: Floats) -> Floats:
    return counts.reshape(*counts.shape[:-1], LEVELS, LEVELS).astype(np.float64)


def _expected(table: Floats) -> Floats:
    """The weighted disagreement by chance, times the number of tiles."""
    return np.einsum("...i,ij,...j->...", table.sum(-1), STEPS**2, table.sum(-2))


def _kappa(counts: Floats) -> Floats:
    table = _square(counts)
    seen = (table * STEPS**2).sum((-2, -1)) * table.sum((-2, -1))
    return 1 - divided(seen, _expected(table))


def _kappa_slope(counts: Floats) -> Floats:
    table = _square(counts)
    n, seen, by_chance = table.sum(), (table * STEPS**2).sum(), _expected(table)
    moved = (STEPS**2 @ table.sum(0))[:, None] + (table.sum(1) @ STEPS**2)[None, :]
    return (n * seen * moved / by_chance**2 - (seen + n * STEPS**2) / by_chance).ravel()


def _f1_parts(table: Floats) -> tuple[Floats, Floats]:
    """Each score's reference and predicted tiles together, and its F1 (0 where there are none)."""
    size = table.sum(-1) + table.sum(-2)
    right = np.diagonal(table, axis1=-2, axis2=-1)
    return size, 2 * right / np.where(size > 0, size, 1)


def _macro_f1(counts: Floats) -> Floats:
    size, f1 = _f1_parts(_square(counts))
    return divided(f1.sum(-1), (size > 0).sum(-1).astype(np.float64))


def _macro_f1_slope(counts: Floats) -> Floats:
    size, f1 = _f1_parts(_square(counts))
    each = np.where(size > 0, f1 / np.where(size > 0, size, 1), 0.0)
    twice = np.where(size > 0, 2 / np.where(size > 0, size, 1), 0.0)
    slope = np.diag(twice) - each[:, None] - each[None, :]
    return (slope / (size > 0).sum()).ravel()


QUADRATIC_KAPPA = _of_table(CountMetric(_kappa, _kappa_slope))
MACRO_F1 = _of_table(CountMetric(_macro_f1, _macro_f1_slope))
SCORE_ACCURACY = _ratio_of((STEPS == 0).astype(np.float64))
WITHIN_ONE = _ratio_of((STEPS <= 1).astype(np.float64))
MEAN_ABSOLUTE_ERROR = _ratio_of(STEPS)
RANKED_PROBABILITY = MeanMetric(ranked_terms)


def _of_scores(name: str, label: str, counts: CountMetric, **others: object) -> Metric:
    return Metric(
        name,
        label,
        kind="ordinal",
        sees="scores",
        influence=counts.influence,
        resampling=counts.resampling,
        contributions=counts.contributions,
        **others,  # type: ignore[arg-type]
    )


ORDINAL: tuple[Metric, ...] = (
    _of_scores("quadratic_kappa", "quadratic-weighted kappa", QUADRATIC_KAPPA, least=-1.0),
    _of_scores("score_accuracy", "accuracy of the score", SCORE_ACCURACY, interval="proportion"),
    _of_scores("within_one", "accuracy within one score", WITHIN_ONE, interval="proportion"),
    _of_scores(
        "mean_absolute_error",
        "mean absolute error in scores",
        MEAN_ABSOLUTE_ERROR,
        most=3.0,
        higher_is_better=False,
    ),
    _of_scores("macro_f1", "macro-F1 of the scores", MACRO_F1),
    Metric(
        "ranked_probability_score",
        "ranked probability score",
        kind="ordinal",
        sees="distributions",
        most=3.0,
        higher_is_better=False,
        influence=RANKED_PROBABILITY.influence,
        resampling=RANKED_PROBABILITY.resampling,
    ),
)

"""Confusion tables of the four scores: reference by prediction, of tiles and of slides."""

import numpy as np

from her2bench.core.ordinal import predicted_scores
from her2bench.core.scores import ScoreTable
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.statistics.arrays import Floats, Ints
from her2bench.evaluation.statistics.ordinal import LEVELS


def score_tables(judged: dict[str, ModelEvaluation], split: str) -> tuple[ScoreTable, ...]:
    """The tables of every model of the scores, averaged over seeds.

    A slide's probabilities are the mean of its tiles', and its predicted score their median. Its
    reference is the score that its tiles share; slides whose tiles have several scores are left
    out, and counted.
    """
    return tuple(
        table
        for model in judged.values()
        if model.panel.ordinal
        for table in _tables(model.name, model.panel, split)
    )


def _tables(model: str, panel: Panel, split: str) -> list[ScoreTable]:
    sample, answers = panel.sample, panel.answers
    assert sample.scores is not None and answers.distributions is not None
    found = [ScoreTable(model, split, "tile", _counts(sample.scores, answers.scores, sample.once))]
    if not sample.known:
        return found
    reference = _shared_scores(sample.scores, sample.groups, sample.n_groups)
    whole = reference >= 0
    means = np.stack([_slide_means(panel, p) for p in answers.distributions])
    counts = _counts(reference[whole], predicted_scores(means)[:, whole], np.ones(whole.sum()))
    return [*found, ScoreTable(model, split, "slide", counts, int((~whole).sum()))]


def _counts(reference: Ints, predicted: Ints, weights: Floats) -> tuple[tuple[float, ...], ...]:
    """(n,) reference and (S, n) predicted scores as a table, averaged over the S seeds."""
    counts = np.zeros((LEVELS, LEVELS))
    for scores in predicted:
        np.add.at(counts, (reference, scores), weights / len(predicted))
    return tuple(tuple(round(float(count), 6) for count in row) for row in counts)


def _shared_scores(scores: Ints, groups: Ints, n_groups: int) -> Ints:
    """The score of all tiles of each slide, (G,); -1 where they have several."""
    low, high = np.full(n_groups, LEVELS), np.full(n_groups, -1)
    np.minimum.at(low, groups, scores)
    np.maximum.at(high, groups, scores)
    return np.where(low == high, low, -1)


def _slide_means(panel: Panel, distribution: Floats) -> Floats:
    """(n, 4) probabilities averaged over the tiles of each slide, each tile once: (G, 4)."""
    sample = panel.sample
    sums = [sample.sums(sample.once * column) for column in distribution.T]
    return np.stack(sums, axis=1) / sample.sums(sample.once)[:, None]

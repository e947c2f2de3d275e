"""The cuts of the score, 1+, 2+ and 3+: rows and pairs of ordinal models at each of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from her2bench.core.ordinal import CUTS, at_least, logits_at
from her2bench.core.scores import Pair, Row
from her2bench.evaluation.scoring.extra_rows import line_rows
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation, replicates
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.rows import make_row
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.estimates import estimate

AT_CUTS = ("roc_auc", "calibration_error")


def cut_results(
    judged: Mapping[str, ModelEvaluation], split: str, settings: ScoreSettings
) -> tuple[list[Row], list[Pair]]:
    """ROC-AUC and calibration of the models of the scores, at each cut.

    At the cut c the target is a reference score of c or more, and the probability that of c or
    more. A metric is named after its cut, such as `roc_auc_at_3`.

    Args:
        judged: name → model; for the pairs all on one sample.
        split: the split they are scored on; pairs are of the test tiles.
        settings: of the statistics.
    """
    ordinal = [model for model in judged.values() if model.panel.ordinal]
    rows, pairs = [], []
    for cut in CUTS:
        at = {model.name: _at_cut(model, cut, settings) for model in ordinal}
        found = [
            make_row(name, split, guess, model.replicates.get(metric), settings)
            for name, model in at.items()
            for metric, guess in model.estimates.items()
        ]
        found += line_rows(at, split, settings)
        rows += [replace(row, metric=f"{row.metric}_at_{cut}") for row in found]
        if split == "test":
            compared = compare_all(at, settings, AT_CUTS, unanswered=False)
            pairs += [replace(pair, metric=f"{pair.metric}_at_{cut}") for pair in compared]
    return rows, pairs


def _at_cut(model: ModelEvaluation, cut: int, settings: ScoreSettings) -> ModelEvaluation:
    """A model of the scores as one that answers the question of a cut."""
    sample, answers = model.panel.sample, model.panel.answers
    assert sample.scores is not None and answers.distributions is not None
    probabilities = at_least(answers.distributions, cut)
    panel = replace(
        model.panel,
        sample=replace(sample, targets=sample.scores >= cut),
        answers=replace(
            answers,
            logits=logits_at(answers.distributions, cut),
            probabilities=probabilities,
            calls=np.asarray(probabilities > 0.5),
        ),
    )
    guesses = {name: estimate(name, panel.sample, panel.answers, settings.bins) for name in AT_CUTS}
    return ModelEvaluation(model.name, panel, guesses, replicates(panel, settings, AT_CUTS))

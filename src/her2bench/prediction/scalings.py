"""Calibration of the networks' probabilities, fitted on validation tiles."""

from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import read_scores
from her2bench.evaluation.scoring.recalibration import best_scaling

Scalings = dict[tuple[str, int, int], tuple[float, float]]


def scalings_of(folder: ComparisonFolder) -> Scalings:
    """Slope and intercept of each run by model, seed and fold, from scores.json.

    All runs of a model are scaled by one method, that of `best_scaling`; a model without one is
    left out.

    Raises:
        UserError: scores.json cannot be read.
    """
    if not folder.scores.is_file():
        return {}
    folder.check(folder.scores)
    calibration = read_scores(folder.scores).calibration
    models = dict.fromkeys(fitted.model for fitted in calibration)
    chosen = (best_scaling(c for c in calibration if c.model == model) for model in models)
    return {
        (best.model, run.seed, run.fold): (run.slope, run.intercept)
        for best in chosen
        if best
        for run in best.runs
        if run.slope is not None and run.intercept is not None
    }

"""What `plot.decision` draws: net benefit from the probabilities of scored or bare predictions."""

from collections.abc import Mapping

import polars as pl

from her2bench.api.results import ScoreResults
from her2bench.core.scores import Scores
from her2bench.evaluation.scoring.ensembles import with_ensembles
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.recalibration import recalibrate
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.report.figures.decision import DecisionCurves, decision_curves
from her2bench.report.sections.reliability import best_probabilities


def unscored(predictions: pl.DataFrame) -> ScoreResults:
    """Predictions with the default settings and their calibration, but without any metric."""
    settings = ScoreSettings()
    calibration, _ = recalibrate(predictions, settings.bins)
    scores = Scores(calibration=calibration, settings=settings.model_dump(mode="json"))
    return ScoreResults(scores, predictions)


def with_derived(results: ScoreResults) -> pl.DataFrame:
    """The predictions and the ensembles that the settings ask for."""
    return with_ensembles(results.predictions, results.settings)[0]


def curves_of(results: ScoreResults, panels: Mapping[str, Panel], split: str) -> DecisionCurves:
    """The decision curves of all models, of calibrated probabilities where there are any."""
    table = with_derived(results).filter(pl.col("split") == split)
    fitted = results.scores.calibration if split == "test" else ()
    found = {
        model: best_probabilities(
            panel,
            table.filter(pl.col("model") == model),
            [each for each in fitted if each.model == model],
        )
        for model, panel in panels.items()
    }
    probabilities = {model: values for model, (values, _) in found.items()}
    scaled = [model for model, (_, calibrated) in found.items() if calibrated]
    return decision_curves(panels, probabilities, scaled, results.settings.prevalence)

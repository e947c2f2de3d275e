"""Rows for PPV and NPV at a prevalence, where a user names one."""

from collections.abc import Mapping

import numpy as np

from her2bench.core.scores import Row
from her2bench.evaluation.scoring.extra_rows import extra_row
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.intervals import (
    NONE,
    Interval,
    logit_interval,
    t_quantile,
)
from her2bench.evaluation.statistics.predictive_values import (
    AT,
    PredictiveValue,
    predictive_value,
)


def predictive_rows(
    judged: Mapping[str, ModelEvaluation], split: str, settings: ScoreSettings
) -> list[Row]:
    """PPV and NPV of every model at the prevalence that the settings name; none without one."""
    if settings.prevalence is None:
        return []
    rows = []
    for model in judged.values():
        for kind in AT:
            rates = model.estimates["sensitivity"], model.estimates["specificity"]
            found = predictive_value(kind, *rates, settings.prevalence)
            interval, method = _interval(kind, model, found, settings)
            name = f"{kind}_{settings.prevalence:g}"
            rows.append(extra_row(model, split, name, found.values, interval, method))
    return rows


def _interval(
    kind: str, model: ModelEvaluation, found: PredictiveValue, settings: ScoreSettings
) -> tuple[Interval, str]:
    """The delta method on the logit scale; beside a rate of 0 or 1, the ends of both intervals.

    There one rate shows no variance, and the delta method would take it for certain.
    """
    unit, value = model.panel.sample.unit, float(found.values.mean())
    if np.isnan(value):
        return NONE, "undefined"
    sensitivity, specificity = model.estimates["sensitivity"], model.estimates["specificity"]
    if not all(0 < e.value < 1 for e in (sensitivity, specificity)) or not 0 < value < 1:
        return _from_ends(kind, model, settings), f"Bayes of both Wilson intervals, {unit}"
    if found.df < 1 or not found.variance > 0:
        return NONE, "no interval: too few slides"
    quantile = t_quantile(found.df, settings.confidence)
    ends = logit_interval(value, found.variance, found.slides, quantile)
    return ends, f"delta method, logit t, {unit}"


def _from_ends(kind: str, model: ModelEvaluation, settings: ScoreSettings) -> Interval:
    """Both predictive values rise with sensitivity and with specificity."""
    assert settings.prevalence is not None
    sensitivity, specificity = (
        interval_of(model.estimates[name], None, settings)[0]
        for name in ("sensitivity", "specificity")
    )
    return Interval(
        AT[kind](sensitivity.low, specificity.low, settings.prevalence),
        AT[kind](sensitivity.high, specificity.high, settings.prevalence),
    )

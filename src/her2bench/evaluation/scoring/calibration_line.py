"""Calibration intercept and slope: the logistic regression of the truth on the logit.

A perfectly calibrated model has intercept 0 and slope 1. An intercept above 0: probabilities are
too low on the whole. A slope below 1: they are too extreme, too far from one half.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from her2bench.evaluation.scoring.metric_intervals import LEAST_SLIDES
from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.calibration_fits import SUREST, fit_intercept, fit_slope
from her2bench.evaluation.statistics.degrees_of_freedom import degrees_of_freedom, slide_shares
from her2bench.evaluation.statistics.estimates import clustered_variance
from her2bench.evaluation.statistics.intervals import NONE, Interval, linear_t

LINE = {"calibration_intercept": "calibration intercept", "calibration_slope": "calibration slope"}


@dataclass(frozen=True)
class Coefficient:
    """An intercept or slope averaged over seeds; NaN where undefined."""

    values: Floats
    interval: Interval
    method: str

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())


def calibration_line(
    sample: LabelledTiles, answers: ModelPredictions, confidence: float
) -> dict[str, Coefficient]:
    """Both coefficients with cluster-robust intervals.

    The intercept is fitted with the slope held at 1 (calibration in the large), the slope with an
    intercept of its own.

    Returns:
        A coefficient for each key of `LINE`.

    Source: Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230.
    """
    logits = np.clip(special.logit(answers.probabilities), -SUREST, SUREST)
    found = {}
    for name, fit in zip(LINE, (fit_intercept, fit_slope), strict=True):
        each = [fit(z, sample.targets) for z in logits]
        values = np.array([value for value, _ in each])
        influence = np.mean([influence for _, influence in each], axis=0)
        found[name] = Coefficient(values, *_interval(values, influence, sample, confidence))
    return found


def _interval(
    values: Floats, influence: Floats, sample: LabelledTiles, confidence: float
) -> tuple[Interval, str]:
    """Student's interval; the slides of the scarcer class decide, as for ROC-AUC."""
    unit = sample.unit
    if np.isnan(values).any():
        return NONE, "undefined"
    if min(sample.positive_groups, sample.negative_groups) < LEAST_SLIDES:
        return NONE, f"no interval: fewer than {LEAST_SLIDES} slides"
    parts = np.array([sample.sums(influence * sample.targets)])
    parts = np.vstack([parts, sample.sums(influence * ~sample.targets)])
    shares = slide_shares("roc_auc", np.ones(len(influence)), sample)
    variance, df = clustered_variance(parts, shares), degrees_of_freedom("roc_auc", parts, shares)
    interval = linear_t(float(values.mean()), variance, df, confidence, -np.inf, np.inf)
    return interval, f"logistic regression, sandwich t, {unit}"

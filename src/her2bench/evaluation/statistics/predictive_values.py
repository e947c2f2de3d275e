"""PPV and NPV at a given prevalence, from sensitivity and specificity (Bayes' rule)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.degrees_of_freedom import degrees_of_freedom
from her2bench.evaluation.statistics.estimates import Estimate, clustered_variance

PPV, NPV = "ppv_at_prevalence", "npv_at_prevalence"


def ppv_at(sensitivity: float, specificity: float, prevalence: float) -> float:
    """PPV among tiles of which a share `prevalence` is positive (Bayes); NaN with no such call.

    >>> ppv_at(0.9, 0.9, 0.5)
    0.9
    """
    above = sensitivity * prevalence
    below = above + (1 - specificity) * (1 - prevalence)
    return above / below if below > 0 else math.nan


def npv_at(sensitivity: float, specificity: float, prevalence: float) -> float:
    """NPV among tiles of which a share `prevalence` is positive; NaN with no such call.

    It is the PPV of the negative class: the two rates and the two classes change places.
    """
    return ppv_at(specificity, sensitivity, 1 - prevalence)


AT: dict[str, Callable[[float, float, float], float]] = {PPV: ppv_at, NPV: npv_at}


@dataclass(frozen=True)
class PredictiveValue:
    """PPV or NPV at a prevalence, with what an interval needs.

    Args:
        values: (S,) float64, one per seed; NaN where undefined.
        variance: between slides, of the mean over seeds, by the delta method.
        df: its degrees of freedom.
        slides: that hold a tile of either class.
    """

    values: Floats
    variance: float
    df: float
    slides: int


def predictive_value(
    kind: str, sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> PredictiveValue:
    """PPV or NPV of a model at a prevalence.

    With s, c and p for sensitivity, specificity and prevalence, PPV = s p / (s p + (1 - c)(1 - p)).
    The prevalence is taken as known. A slide's influence is the two rates', each times the
    derivative by that rate:

        dPPV/ds = PPV (1 - PPV) / s,    dPPV/dc = PPV (1 - PPV) / (1 - c)

    Args:
        kind: PPV or NPV.
        sensitivity, specificity: of one model on one sample.
        prevalence: between 0 and 1.

    Source: Mercaldo, Lau and Zhou 2007, Statistics in Medicine 26:2170.
    """
    rates = np.array([sensitivity.values, specificity.values])
    values = np.array([AT[kind](s, c, prevalence) for s, c in rates.T])
    hit, other = rates if kind == PPV else rates[::-1]
    spread = values * (1 - values)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.array([spread / hit, spread / (1 - other)])
    by_sensitivity, by_specificity = slopes if kind == PPV else slopes[::-1]
    parts = by_sensitivity[:, None, None] * sensitivity.parts
    parts = (parts + by_specificity[:, None, None] * specificity.parts).mean(axis=0)
    shares = sensitivity.shares + specificity.shares  # of positive and of negative tiles
    return PredictiveValue(
        values,
        clustered_variance(parts, shares),
        degrees_of_freedom("balanced_accuracy", parts, shares),
        int(np.count_nonzero(shares.any(axis=0))),
    )

"""The baseline that gives every tile the frequencies of the four scores in training.

Its score, the median of the four probabilities as for every model, is the same for all tiles.
"""

import numpy as np

from her2bench.models.baselines.always_positive import nothing
from her2bench.models.baselines.logistic import Fitted
from her2bench.models.baselines.registry import Baseline, register_baseline
from her2bench.models.proportional_odds import frequency_thresholds


def fit_scores(measured: np.ndarray, scores: np.ndarray) -> Fitted:
    """The frequencies of the training tiles' scores (n,)."""
    logits = -frequency_thresholds(scores, np.ones(4))
    return Fitted(lambda measured: np.tile(logits, (len(measured), 1)), 3)


register_baseline(Baseline("score_frequencies", nothing, fit=None, fit_scores=fit_scores))

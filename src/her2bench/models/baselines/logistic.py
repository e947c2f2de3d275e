"""Logistic regression, binary and ordinal, on the features of a baseline."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from her2bench.models.proportional_odds import fit_proportional_odds


@dataclass(frozen=True)
class Fitted:
    """A fitted baseline: measurements (n, k) to logits, and how many numbers were fitted.

    The logits are (n,), of positive, or (n, 3), of the scores 1+, 2+ and 3+ or more.
    """

    logits: Callable[[np.ndarray], np.ndarray]
    parameters: int


def fit_logistic(measured: np.ndarray, targets: np.ndarray, strength: float = 1.0) -> Fitted:
    """Fit to the training tiles' measurements (n, k), standardised, and targets (n,).

    `strength` is scikit-learn's C.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength))
    model.fit(measured, targets)
    return Fitted(model.decision_function, measured.shape[1] + 1)


def fit_ordinal(measured: np.ndarray, scores: np.ndarray, strength: float = 1.0) -> Fitted:
    """The same for the scores (n,), 0 to 3: proportional odds, with the same penalty."""
    scaler = StandardScaler().fit(measured)

    def inputs(measured: np.ndarray) -> np.ndarray:
        return np.asarray(scaler.transform(measured), dtype=np.float64)

    slopes, cuts = fit_proportional_odds(inputs(measured), scores, strength, np.ones(4))
    return Fitted(lambda values: (inputs(values) @ slopes)[:, None] - cuts, len(slopes) + 3)

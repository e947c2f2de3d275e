"""Logistic regression on the features of a baseline."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Fitted:
    """A fitted baseline: measurements (n, k) to logits (n,), and how many numbers were fitted."""

    logits: Callable[[np.ndarray], np.ndarray]
    parameters: int


def fit_logistic(measured: np.ndarray, targets: np.ndarray) -> Fitted:
    """Fit to the training tiles' measurements (n, k), standardised, and targets (n,)."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(measured, targets)
    return Fitted(model.decision_function, measured.shape[1] + 1)

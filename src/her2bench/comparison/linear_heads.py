"""Linear heads on the features of a frozen network, and the loss that chooses among them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from her2bench.evaluation.statistics.probabilistic import sigmoid
from her2bench.models.proportional_odds import fit_proportional_odds
from her2bench.training.state import Side

Regression = tuple[np.ndarray, np.ndarray]
"""Slopes (k,) and thresholds, one of a target and three of scores."""


@dataclass(frozen=True)
class LinearHeads:
    """Logistic regressions of different strength on the same features.

    `features` (n, d) are those of all tiles; `weights` those of the classes, or of the scores.
    """

    features: np.ndarray
    train: Side
    validation: Side
    weights: tuple[float, ...]

    @cached_property
    def scaler(self) -> StandardScaler:
        """By the training tiles."""
        return StandardScaler().fit(self.features[self.train.rows])

    @cached_property
    def _inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """The standardised features of the training and of the validation tiles."""
        train, validation = (
            np.asarray(self.scaler.transform(self.features[side.rows]))
            for side in (self.train, self.validation)
        )
        return train, validation

    def regression(self, strength: float) -> Regression:
        """The regression with scikit-learn's C, on standardised features."""
        inputs, train = self._inputs[0], self.train
        if train.scores is not None:
            double = inputs.astype(np.float64)
            return fit_proportional_odds(double, train.scores, strength, np.array(self.weights))
        balance = dict(enumerate(self.weights))
        model = LogisticRegression(C=strength, max_iter=2000, class_weight=balance)
        model.fit(inputs, train.targets)
        return model.coef_[0], -np.asarray(model.intercept_)

    def loss(self, fitted: Regression) -> float:
        """The loss on validation tiles."""
        places, thresholds = self._inputs[1] @ fitted[0], fitted[1]
        single = len(thresholds) == 1
        logits = places - thresholds[0] if single else places[:, None] - thresholds
        return mean_loss(logits, self.validation, self.weights)


def mean_loss(logits: np.ndarray, side: Side, weights: tuple[float, ...]) -> float:
    """The mean cross-entropy, summed over the cuts of scores, weighted as in training.

    Args:
        logits: of a target (n,) or of the three cuts (n, 3).
        side: the tiles.
        weights: of the tiles of each class, or of each score.
    """
    right = sigmoid(np.where(side.aims == 1, logits, -logits))
    losses = -np.log(np.maximum(right, 1e-300)).reshape(len(logits), -1).sum(axis=1)
    return float(np.mean(np.array(weights)[side.classes] * losses))

"""The probabilities of the four scores from the outputs of an ordinal network."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.evaluation.statistics.probabilistic import sigmoid
from her2bench.models.ordinal import cut_logits


def score_columns(models: Sequence[nn.Module], logits: np.ndarray) -> dict[str, np.ndarray]:
    """The columns p0 to p3, each (n,), of the networks' mean outputs (n,).

    The networks' thresholds are averaged as their outputs are; none for binary networks.
    """
    if not all(hasattr(model, "cut_distances") for model in models):
        return {}
    cuts = np.mean([cut_logits(model, logits) for model in models], axis=0)
    return dict(zip(SCORE_COLUMNS, score_probabilities(cuts).T, strict=True))


def score_probabilities(cuts: np.ndarray) -> np.ndarray:
    """Logits of the cuts 1+, 2+ and 3+ (n, 3), falling in each row → probabilities (n, 4).

    >>> score_probabilities(np.array([[0.0, 0.0, -1000.0]])).tolist()
    [[0.5, 0.0, 0.5, 0.0]]
    """
    end = np.full((len(cuts), 1), np.inf)
    above, below = np.hstack([end, cuts]), np.hstack([cuts, -end])
    # σ(above) − σ(below) without the rounding of a difference
    return sigmoid(above) * sigmoid(-below) * np.abs(np.expm1(below - above))

"""Ordinal logistic regression of the four scores: proportional odds, ordered thresholds.

McCullagh 1980, "Regression models for ordinal data", J R Stat Soc B 42:109.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from her2bench.evaluation.statistics.probabilistic import sigmoid

Floats = NDArray[np.float64]
_BOUNDS = ((-30.0, 30.0), (-15.0, 4.0), (-15.0, 4.0))
"""Of the first threshold and of the logarithms of the gaps: a score that is missing has no best."""


def score_shares(scores: NDArray[np.int64], weights: Floats) -> Floats:
    """The weighted shares of tiles of 1+ or more, 2+ or more and 3+.

    Args:
        scores: (n,), 0 to 3.
        weights: (4,) of the tiles of each score.

    Returns:
        (3,), above 0 and below 1.

    >>> score_shares(np.array([0, 1, 2, 3]), np.ones(4)).tolist()
    [0.75, 0.5, 0.25]
    """
    weight = np.bincount(scores, minlength=4) * weights
    least = 0.5 / len(scores)  # no share is 0 or 1, whose log-odds are infinite
    return np.clip(weight[::-1].cumsum()[::-1][1:] / weight.sum(), least, 1 - least)


def fit_proportional_odds(
    inputs: Floats, scores: NDArray[np.int64], strength: float, weights: Floats
) -> tuple[Floats, Floats]:
    """The slopes (k,) and the thresholds (3,) with the greatest penalised likelihood.

    log P(score ≥ c) / P(score < c) = inputs · slopes − threshold of c

    Args:
        inputs: (n, k), standardised.
        scores: (n,), 0 to 3.
        strength: scikit-learn's C: the penalty is the sum of squared slopes divided by 2 C.
        weights: (4,) of the tiles of each score.
    """
    factor = weights[scores] / len(scores)
    of_score = np.eye(4)[scores]

    def loss(values: Floats) -> tuple[float, Floats]:
        slopes, (first, *gaps) = values[:-3], values[-3:]
        gaps = np.exp(gaps)
        ends = np.concatenate([[-np.inf, first], first + np.cumsum(gaps), [np.inf]])
        place = inputs @ slopes
        above, below = place - ends[scores], place - ends[scores + 1]
        gap = ends[scores + 1] - ends[scores]
        # P = σ(above) − σ(below) = σ(above) σ(−below) (1 − exp(−gap))
        likelihood = -np.logaddexp(0, -above) - np.logaddexp(0, below) + np.log(-np.expm1(-gap))
        near = 1 / np.expm1(gap)
        rise, fall = factor * (sigmoid(-above) + near), factor * (sigmoid(below) + near)
        penalty = 1 / (strength * len(scores))
        thresholds = (rise @ of_score)[1:] - (fall @ of_score)[:-1]
        later = thresholds[::-1].cumsum()[::-1]
        slope = inputs.T @ (fall - rise) + penalty * slopes
        gradient = np.concatenate([slope, later[:1], gaps * later[1:]])
        return float(-factor @ likelihood + penalty * slopes @ slopes / 2), gradient

    low, middle, high = frequency_thresholds(scores, weights)
    gaps = np.log(np.maximum([middle - low, high - middle], 1e-3))
    start = np.concatenate([np.zeros(inputs.shape[1]), [low], gaps])
    bounds = [(None, None)] * inputs.shape[1] + list(_BOUNDS)
    options = {"maxiter": 5000, "maxfun": 10_000, "ftol": 1e-13, "gtol": 1e-8}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return best[:-3], best[-3] + np.concatenate([[0.0], np.cumsum(np.exp(best[-2:]))])


def frequency_thresholds(scores: NDArray[np.int64], weights: Floats) -> Floats:
    """The thresholds (3,) by which a tile at 0 has the weighted frequencies of `scores` (n,)."""
    shares = score_shares(scores, weights)
    return np.log((1 - shares) / shares)

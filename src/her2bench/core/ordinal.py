"""The four scores of a model: their probabilities, its score, and the binary question at a cut.

A cut c asks whether the score is c or more: 1+, 2+ or 3+. The predicted score is the median of the
distribution: the highest score with P(score or more) > 1/2. It is the score of least expected
error in steps, and it says of each cut what the binary call at probability 0.5 says; the most
probable score can contradict that call (0.4, 0.1, 0.2, 0.3: score 0, and 2+ or more as likely as
not).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCORE_COLUMNS = ("p0", "p1", "p2", "p3")
"""The columns of the predictions table that hold the probability of each score."""
CUTS = (1, 2, 3)
DEFAULT_CUT = 2
"""Equivocal and above, as the default endpoint."""
_LEAST = 5e-324  # of which a logarithm exists

Floats = NDArray[np.float64]


def at_least(probabilities: Floats, cut: int) -> Floats:
    """The probability of a score of `cut` or more.

    Args:
        probabilities: (n, 4) float64, of the scores 0, 1+, 2+ and 3+; rows sum to 1.
        cut: 1, 2 or 3.

    Returns:
        (n,) float64, 0 to 1.

    >>> at_least(np.array([[0.5, 0.25, 0.25, 0.0]]), 1).tolist()
    [0.5]
    """
    return np.minimum(probabilities[..., cut:].sum(axis=-1), 1.0)


def predicted_scores(probabilities: Floats) -> NDArray[np.int64]:
    """The predicted score: the median, the highest score with P(score or more) > 1/2.

    Args:
        probabilities: (..., 4) float64.

    Returns:
        (...) int64, 0 to 3.

    >>> predicted_scores(np.array([[0.5, 0.5, 0.0, 0.0], [0.1, 0.3, 0.3, 0.3]])).tolist()
    [0, 2]
    """
    above = np.array([at_least(probabilities, cut) > 0.5 for cut in CUTS])
    return above.sum(axis=0).astype(np.int64)


def logits_at(probabilities: Floats, cut: int) -> Floats:
    """The logit of a score of `cut` or more: log odds, finite where a side has no probability.

    >>> logits_at(np.array([[0.25, 0.25, 0.25, 0.25]]), 2).tolist()
    [0.0]
    """
    above, below = at_least(probabilities, cut), probabilities[..., :cut].sum(axis=-1)
    return np.log(np.maximum(above, _LEAST)) - np.log(np.maximum(below, _LEAST))


def binary_columns(frame: pl.DataFrame, cut: int = DEFAULT_CUT) -> pl.DataFrame:
    """The frame with `target`, `probability` and `logit` of the question "score `cut` or more?".

    Args:
        frame: with `score` (0 to 3) and `p0` to `p3`, none of them missing.
        cut: 1, 2 or 3.

    >>> frame = pl.DataFrame({"score": [3], "p0": [0.0], "p1": [0.25], "p2": [0.25], "p3": [0.5]})
    >>> binary_columns(frame).select("target", "probability").row(0)
    (1, 0.75)
    """
    p = frame.select(SCORE_COLUMNS).to_numpy().astype(np.float64)
    return frame.with_columns(
        target=(pl.col("score") >= cut).cast(pl.Int8),
        probability=pl.Series(at_least(p, cut)),
        logit=pl.Series(logits_at(p, cut)),
    )

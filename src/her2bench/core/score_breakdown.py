"""How tiles are predicted: by the values of a column, and score by score."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Breakdown:
    """The tiles of one model with one value of a column: how many are predicted positive.

    `predicted_positive` and `correct` are shares of the tiles, averaged over seeds; `low` to
    `high` is the interval of `predicted_positive`.
    """

    model: str
    split: str
    column: str
    value: str
    tiles: int
    groups: int
    positives: int
    predicted_positive: float
    low: float | None
    high: float | None
    correct: float


@dataclass(frozen=True)
class ScoreTable:
    """A 4 x 4 confusion table of the scores 0, 1+, 2+ and 3+ of one model.

    `counts` has a row per reference score and a column per predicted score, in tiles or slides,
    averaged over seeds; `left_out` slides have tiles of several reference scores and are not
    in it.
    """

    model: str
    split: str
    unit: Literal["tile", "slide"]
    counts: tuple[tuple[float, ...], ...]
    left_out: int = 0

"""How many slides a study would need to see a difference, four times in five."""

import math
from typing import NamedTuple

from scipy import optimize, special

from her2bench.evaluation.statistics.degrees_of_freedom import joined_df
from her2bench.evaluation.statistics.differences import Spread

POWER = 0.8
LIKELY = (0.9, 0.1)  # quantiles of the chi-squared distribution behind the range's two ends
MOST = 1e7


class Needed(NamedTuple):
    """A range of numbers of slides; infinite where no number of slides is enough."""

    low: float
    high: float


def groups_needed(target: float, spread: Spread, groups: int, alpha: float) -> float:
    """The number of slides with which a true difference is seen four times in five.

    The variance between slides falls, and its degrees of freedom grow, in step with the slides.
    What seeds add does neither.

    Args:
        target: the true difference to be seen.
        spread: what the difference varies by, now.
        groups: slides now.
        alpha: the error rate of the test, 0.05.

    Returns:
        At least 2; infinite where no number of slides is enough.
    """

    def short(log_slides: float) -> float:
        return POWER - _power(target, spread, math.exp(log_slides) / groups, alpha)

    ends = math.log(2), math.log(MOST)
    if short(ends[1]) > 0:
        return math.inf
    if short(ends[0]) <= 0:
        return 2.0
    return math.exp(optimize.root_scalar(short, bracket=ends, xtol=1e-3).root)


def needed_range(target: float, spread: Spread, groups: int, alpha: float) -> Needed:
    """The range of `groups_needed` that the uncertainty of today's variances leaves.

    Each variance is taken at the ends of its middle 80% (chi-squared). The ends are rounded to
    one figure, or to 15, 150, ...
    """
    ends = [groups_needed(target, _scaled(spread, quantile), groups, alpha) for quantile in LIKELY]
    return Needed(*(_coarse(end) for end in ends))


def _power(target: float, spread: Spread, times: float, alpha: float) -> float:
    slides, slides_df = spread.slides / times, max(spread.slides_df * times, 1.0)
    df = joined_df(slides, spread.seeds, slides_df, spread.seeds_df)
    away = min(target / math.sqrt(slides + spread.seeds), 30.0)
    return 1 - float(special.nctdtr(df, away, special.stdtrit(df, 1 - alpha / 2)))


def _scaled(spread: Spread, quantile: float) -> Spread:
    slides, seeds = (
        df / special.chdtri(df, 1 - quantile) for df in (spread.slides_df, spread.seeds_df)
    )
    return Spread(
        spread.slides * slides,
        spread.seeds_a * seeds,
        spread.seeds_b * seeds,
        spread.slides_df,
        spread.seeds_df,
    )


def _coarse(value: float) -> float:
    """The nearest of 10, 15, 20, 30, ... 90 times a power of ten.

    >>> [_coarse(value) for value in (47.0, 132.0, 961.0)]
    [50.0, 150.0, 1000.0]
    """
    if math.isinf(value):
        return value
    step = 10 ** math.floor(math.log10(value))
    figures = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    return float(step * min(figures, key=lambda figure: abs(math.log(figure * step / value))))

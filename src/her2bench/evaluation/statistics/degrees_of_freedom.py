"""The slides that a metric rests on: their shares of it, and the variance's degrees of freedom."""

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Floats, LabelledTiles
from her2bench.evaluation.statistics.metrics import METRICS


def slide_shares(metric: str, masses: Floats, sample: LabelledTiles) -> Floats:
    """How much of a metric rests on each slide's positive and on its negative tiles.

    Args:
        metric: a key of `METRICS`.
        masses: (n,) float64, as `Metric.held_by` gives them.
        sample: the tiles.

    Returns:
        (2, G) float64. For metrics that need both classes the slide's share of each class; for all
        others its share of all, twice.
    """
    if METRICS[metric].by_class:
        sums = [sample.sums(masses * of_class) for of_class in (sample.targets, ~sample.targets)]
    else:
        sums = [sample.sums(masses)] * 2
    return np.array([each / max(float(each.sum()), 1e-300) for each in sums])


def degrees_of_freedom(metric: str, parts: Floats, shares: Floats) -> float:
    """Degrees of freedom for a metric's (or a difference's) variance between slides.

    One less than the slides that hold what the metric is a statement about. For metrics that look
    at both classes, each for itself, the classes' variances are independent where no slide holds
    both: Satterthwaite's approximation, and never more than one less than all slides.

    Args:
        metric: a key of `METRICS`.
        parts: (2, G) float64, influences of each slide's positive and negative tiles.
        shares: (2, G) float64, as `slide_shares` gives them.

    Returns:
        At least 1; 0 where there is no variance between slides to speak of (a single slide).
    """
    of_class = (shares > 0).sum(axis=1) - 1.0
    over = METRICS[metric].over
    if over != "both":
        return float(max(of_class[1 if over == "negatives" else 0], 0.0))
    if of_class.min() < 1:
        return 0.0
    variances = (parts**2).sum(axis=1)
    if not variances.any():  # without visible variance the scarcer class decides
        return float(of_class.min())
    df = variances.sum() ** 2 / (variances**2 / of_class).sum()
    return float(min(df, (shares > 0).any(axis=0).sum() - 1.0))


def satterthwaite(variances: list[float], dfs: list[float]) -> float:
    """Degrees of freedom of a sum of independent variances.

    Source: Satterthwaite 1946, Biometrics Bulletin 2:110.

    >>> round(satterthwaite([1.0, 1.0], [4, 4]), 6)
    8.0
    >>> satterthwaite([1.0, 1.0], [0, 4])
    0.0
    """
    used = [(v, df) for v, df in zip(variances, dfs, strict=True) if v > 0]
    if any(df <= 0 for _, df in used):  # a class with one slide says nothing about spread
        return 0.0
    below = sum(v**2 / df for v, df in used)
    return sum(variances) ** 2 / below if below > 0 else float(min(dfs))


def joined_df(slides: float, seeds: float, slides_df: float, seeds_df: float) -> float:
    """Degrees of freedom of the variance between slides plus that between a few seeds.

    Satterthwaite's approximation is too generous where much of the variance comes from two or
    three seeds of one model (7 to 8% wrong instead of 5 with 3 seeds): the less they happen to
    differ, the smaller the variance and the more degrees of freedom. Here Student's 97.5% quantile
    is the mean of the two variances' own quantiles, weighted by the variances.

    Args:
        slides, seeds: the variances.
        slides_df, seeds_df: their degrees of freedom.

    Returns:
        Between the two; 0 where the slides have none.

    Source: Cochran and Cox 1957, Experimental Designs, section 4.14.

    >>> joined_df(1.0, 0.0, 40, 2), round(joined_df(1.0, 1.0, 40, 2), 1)
    (40.0, 3.0)
    """
    if slides_df < 1 or not slides + seeds > 0 or seeds == 0:
        return float(slides_df)
    quantiles = special.stdtrit([slides_df, seeds_df], 0.975)
    wanted = (slides * quantiles[0] + seeds * quantiles[1]) / (slides + seeds)
    least, most = sorted((float(slides_df), float(seeds_df)))
    return float(np.clip(special.stdtridf(0.975, wanted), least, most))

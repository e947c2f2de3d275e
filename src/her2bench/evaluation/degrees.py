"""The slides that a metric rests on: their shares of it, and the variance's degrees of freedom."""

import numpy as np

from her2bench.evaluation.metrics import CONDITIONAL, METRICS
from her2bench.evaluation.samples import Floats, Sample


def slide_shares(metric: str, masses: Floats, sample: Sample) -> Floats:
    """How much of a metric rests on each slide's positive and on its negative tiles.

    Args:
        metric: a key of `METRICS`.
        masses: (n,) float64, as `metrics.masses` gives them.
        sample: the tiles.

    Returns:
        (2, G) float64. For metrics that need both classes the slide's share of each class; for all
        others its share of all, twice.
    """
    if METRICS[metric].over in CONDITIONAL:
        classes = [masses * sample.targets, masses * ~sample.targets]
    else:
        classes = [masses, masses]
    return np.array([sample.sums(each) / max(float(each.sum()), 1e-300) for each in classes])


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

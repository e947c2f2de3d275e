"""Degrees of freedom of a variance between slides of unequal size.

k slides of equal size give k - 1. If a few slides hold most tiles, the variance rests on those
few, and a t interval with k - 1 covers too little (at 20 slides of very unequal size 91% instead
of 95%). What counts is how much each slide adds to the variance, and that depends on its number
of tiles and on how alike the tiles of a slide are.
"""

import numpy as np

from her2bench.evaluation.metrics import METRICS
from her2bench.evaluation.samples import Bools, Floats, Sample


def degrees_of_freedom(metric: str, tiles: Floats, sample: Sample, held: Bools) -> float:
    """Degrees of freedom for a metric's (or a difference's) variance between slides.

    Satterthwaite's approximation over the slides' expected variances. For metrics that look at
    each class for itself (ROC-AUC, balanced accuracy) the two classes' variances are put
    together, and the result is never above min(slides with positive, with negative tiles) - 1.

    Args:
        metric: a key of `METRICS`.
        tiles: (n,) float64, each tile's influence, or the difference of two models'.
        sample: the tiles.
        held: (n,) bool, those the metric is a statement about.

    Returns:
        At least 1; 0 where there is no variance between slides to speak of (a single slide).
    """
    match METRICS[metric].over:
        case "positives":
            return _one(slide_variances(tiles, sample.targets, sample))
        case "negatives":
            return _one(slide_variances(tiles, ~sample.targets, sample))
        case "both":
            return _both(tiles, sample)
    return _one(slide_variances(tiles, held, sample))


def slide_variances(tiles: Floats, chosen: Bools, sample: Sample) -> Floats:
    """How much variance each slide is expected to add, from its size and the tiles' likeness.

    m tiles of variance s² and correlation r add s² m (1 + (m - 1) r). The correlation is
    estimated over all slides from the sums of influences, and kept between 0 and 1.

    Args:
        tiles: (n,) float64 influences.
        chosen: (n,) bool, the tiles that count.
        sample: the tiles.

    Returns:
        (k,) float64, for the k slides with chosen tiles.
    """
    m = sample.sums(chosen.astype(np.float64))
    held = m > 0
    sums, m = sample.sums(tiles * chosen)[held], m[held]
    k, within = len(m), float(((tiles * chosen) ** 2).sum())
    if k < 2 or within == 0:
        return np.zeros(k)
    variance = within / m.sum()
    room = variance * float((m * (m - 1)).sum())
    between = k / (k - 1) * float((sums**2).sum())
    likeness = float(np.clip((between - within) / room, 0, 1)) if room > 0 else 0.0
    return variance * m * (1 + (m - 1) * likeness)


def _one(variances: Floats) -> float:
    k = len(variances)
    if k < 2 or not variances.any():  # without visible variance all slides count alike
        return max(k - 1.0, 0.0)
    return float(max(variances.sum() ** 2 / (variances**2).sum() - 1, 1.0))


def _both(tiles: Floats, sample: Sample) -> float:
    most = min(sample.positive_groups, sample.negative_groups) - 1
    if most < 1:
        return 0.0
    classes = (sample.targets, ~sample.targets)
    by_class = [slide_variances(tiles, chosen, sample) for chosen in classes]
    sums = [float(v.sum()) for v in by_class]
    if not any(sums):
        return float(most)
    spread = np.zeros((2, sample.n_groups))
    for row, v, chosen in zip(spread, by_class, classes, strict=True):
        row[np.unique(sample.groups[chosen])] = v
    below = sum(s**2 / _one(v) for s, v in zip(sums, by_class, strict=True))
    below += 2 * float((spread[0] * spread[1]).sum())
    return float(np.clip(sum(sums) ** 2 / below, 1.0, most))

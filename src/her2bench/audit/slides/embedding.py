"""A space in which tiles of one slide lie about one unit apart, learnt from tiles alone."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from her2bench.audit.features.extraction import Observations

Floats = NDArray[np.floating]
_DIRECTIONS = 10  # at most; beyond these nothing was gained on phantoms
_TELLING = 1.5  # least ratio of the variance over all tiles to that within tiles
_SHRINKAGE = 0.02  # of the correlations within tiles, so that no direction looks free of noise
# A folder can be saved again with another quality, so what the file says is weak evidence: half of
# its variance is taken to lie within slides.
_FILE_WITHIN = 0.5


def slide_embedding(observations: Observations, rows: NDArray[np.int64]) -> Floats:
    """Places of tiles such that the variance within a slide is about 1 along every direction.

    The directions are those of a linear discriminant analysis whose variance within slides is
    taken from the four quarters of each tile, because no slide is known.

    Args:
        observations: holds `fingerprint`, `fingerprint_quarters`, `quantisation`.
        rows: (k,), the tiles to place.

    Returns:
        (k, d), most informative direction first; one of zeros where none distinguishes slides.
    """
    whole = observations["fingerprint"][rows].astype(np.float64)
    quarters = observations["fingerprint_quarters"][rows].astype(np.float64)
    apart = (quarters - quarters.mean(axis=1, keepdims=True)).reshape(-1, whole.shape[1])
    within = apart.T @ apart / max(1, 3 * len(rows))
    file = observations["quantisation"][rows].astype(np.float64)
    if len(rows) < 2:
        return np.zeros((len(rows), 1))
    within = np.asarray(linalg.block_diag(within, _FILE_WITHIN * file.var()))
    return _discriminants(np.column_stack([whole, file]), within)


def _discriminants(values: Floats, within: Floats) -> Floats:
    varying = values.std(axis=0) > 1e-6
    values, within = values[:, varying], within[np.ix_(varying, varying)]
    if not values.shape[1]:
        return np.zeros((len(values), 1))
    total = np.atleast_2d(np.cov(values.T))
    # an entry that is the same in all quarters of every tile still may differ by chance
    scale = np.sqrt(np.maximum(np.diag(within), 1e-4 * np.diag(total)))
    within = within / np.outer(scale, scale)
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * np.eye(len(scale))
    ratios, vectors = linalg.eigh(total / np.outer(scale, scale), within)
    kept = np.argsort(-ratios)[:_DIRECTIONS]
    kept = kept[ratios[kept] > max(_TELLING, _chance(len(scale), len(values)))]
    if not len(kept):
        return np.zeros((len(values), 1))
    return (values - values.mean(axis=0)) / scale @ vectors[:, kept]


def _chance(entries: int, tiles: int) -> float:
    """The largest ratio that chance gives where all tiles are of one slide.

    Of two covariances estimated from n tiles and 3 n quarters (Wachter 1980, Ann Stat 8:937).
    """
    total, within = entries / tiles, entries / (3 * tiles)
    if within >= 1:
        return np.inf
    return float((1 + np.sqrt(total + within - total * within)) / (1 - within)) ** 2

"""The mean and spread of the training tiles' channels."""

import numpy as np

from her2bench.prediction.normalization import Normalization


def fitted_preparation(pixels: np.ndarray, rows: np.ndarray, chunk: int = 256) -> Normalization:
    """The normalisation by statistics of the training tiles, and of no others.

    Args:
        pixels: (n, size, size, 3) uint8, may be memory-mapped; read in chunks.
        rows: (m,) the training tiles.
        chunk: tiles read at a time.
    """
    # Counts of the 256 values are exact, so neither chunks nor their order change the result.
    counts = np.zeros((3, 256), dtype=np.int64)
    for start in range(0, len(rows), chunk):
        part = pixels[rows[start : start + chunk]]
        counts += [np.bincount(part[..., c].ravel(), minlength=256) for c in range(3)]
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    std = np.sqrt(np.maximum(variance, (1 / 255) ** 2))
    return Normalization(_three(mean), _three(std))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third

"""The forward loop, used by validation, test, `predict` and the web page."""

import numpy as np
import torch
from torch import nn

from her2bench.evaluation.statistics.probabilistic import sigmoid
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader

_BATCH = {"cuda": 256}  # larger batches do not help on other devices


def forward(
    model: nn.Module,
    tiles: TileLoader,
    rows: np.ndarray,
    prepare: Normalization,
    compute: Compute = PLAIN,
) -> np.ndarray:
    """The logits of some tiles, in inference mode, in the order of `rows`.

    Args:
        model: one logit per tile, on the loader's device; left in evaluation mode.
        tiles: loader of the tiles.
        rows: (m,) integer indices of tiles.
        prepare: the normalisation the model was trained with.
        compute: memory layout; the results are the same to rounding.

    Returns:
        (m,) float64 logits.
    """
    model.eval()
    if not len(rows):
        return np.empty(0)
    batch = _BATCH.get(tiles.device.type, 32)
    while True:
        try:
            return _forward(model, tiles, rows, prepare, compute, batch)
        except torch.OutOfMemoryError:
            if batch <= 1:
                raise
            batch //= 2


def _forward(
    model: nn.Module,
    tiles: TileLoader,
    rows: np.ndarray,
    prepare: Normalization,
    compute: Compute,
    batch: int,
) -> np.ndarray:
    logits = torch.empty(len(rows), device=tiles.device)
    parts = tiles.batches(np.split(rows, range(batch, len(rows), batch)))
    with torch.inference_mode():
        for inputs, said in zip(parts, logits.split(batch), strict=True):
            said.copy_(model(compute.laid_out(prepare(inputs))).view_as(said))
    return logits.cpu().double().numpy()


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Logits (n,) → probabilities (n,) of the positive class, without overflow.

    >>> probabilities(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return sigmoid(logits)

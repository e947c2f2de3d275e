"""THE forward loop: validation, test, `predict` and the web page all go through it."""

import numpy as np
import torch
from torch import nn

from her2bench.prediction.preparation import Preparation


def forward(
    model: nn.Module,
    pixels: np.ndarray,
    rows: np.ndarray,
    prepare: Preparation,
    device: torch.device,
    batch: int = 32,
) -> np.ndarray:
    """The logits of some tiles, in inference mode, in the order of `rows`.

    Args:
        model: one logit a tile; left in evaluation mode.
        pixels: (n, size, size, 3) uint8, in memory or memory-mapped.
        rows: (m,) integer indices into `pixels`.
        prepare: the normalisation the model was trained with.
        device: where the model lies.
        batch: tiles at a time.

    Returns:
        (m,) float64 logits.
    """
    model.eval()
    logits = []
    with torch.inference_mode():
        for start in range(0, len(rows), batch):
            tiles = prepare(pixels[rows[start : start + batch]], device)
            logits.append(model(tiles).float())
    return torch.cat(logits).cpu().double().numpy() if logits else np.empty(0)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Logits (n,) → probabilities (n,) of the positive class, without overflow.

    >>> probabilities(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.exp(-np.logaddexp(0.0, -logits))

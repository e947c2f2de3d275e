"""Whether an exported network gives the numbers of the forward loop."""

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from her2bench.data.decoding.rgb import resized
from her2bench.prediction.exported.formats import Answer
from her2bench.prediction.exported.metadata import ExportMetadata
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.tile_loader import TileLoader
from her2bench.stain.density import to_rgb
from her2bench.stain.separation import stain_matrix

LARGEST_DIFFERENCE = 1e-4
TILES = 16


def largest_difference(
    answer: Answer, network: nn.Module, metadata: ExportMetadata, resizes: bool
) -> float:
    """The largest difference in a probability, over 16 tiles at once and one alone.

    Half of the tiles are noise, half look like stained nuclei; where the file resizes, they are
    tried at twice the size, too.
    """
    trained = metadata.trained
    found = []
    for side in (trained.size, 2 * trained.size)[: 1 + resizes]:
        tiles = check_tiles(side)
        seen = np.stack([resized(tile, trained.size) for tile in tiles])
        loader = TileLoader(seen, torch.device("cpu"))
        logits = forward(network, loader, np.arange(TILES), trained.preparation)
        scores = score_columns([network], logits).values()
        expected = np.column_stack([probabilities(logits), *scores])
        given = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))
        for rows in (slice(TILES), slice(1)):
            with torch.no_grad():
                found.append(np.abs(answer(given[rows]) - expected[rows]).max())
    return float(np.max(found))  # NaN stays NaN


def check_tiles(side: int, count: int = TILES) -> np.ndarray:
    """Tiles (count, side, side, 3) uint8: noise, then blue nuclei among brown on bright glass."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count // 2, side, side, 3), dtype=np.uint8)
    field = rng.standard_normal((count - len(noise), 2, side, side))
    smooth = ndimage.gaussian_filter(field, (0, 0, side / 24, side / 24))
    smooth /= smooth.std(axis=(2, 3), keepdims=True)
    amounts = np.moveaxis(np.maximum(smooth, 0), 1, -1) * (0.4, 0.6)
    return np.concatenate([noise, to_rgb(amounts @ stain_matrix()[:2], 240)])

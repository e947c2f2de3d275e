"""How many slides have each score and how many tiles each slide has, as in BCI."""

import numpy as np
from numpy.typing import NDArray

BCI_TILES = np.array([240, 1153, 2142, 1335])  # tiles of each score in the BCI paper


def slide_counts(slides: int) -> NDArray[np.int64]:
    """How many slides have each score: BCI's proportions, every score once if there are four.

    >>> slide_counts(51).tolist()
    [3, 12, 22, 14]
    """
    if slides < 4:
        return np.isin(np.arange(4), (2, 1, 3)[:slides]).astype(np.int64)
    return 1 + _apportion(np.maximum(BCI_TILES / BCI_TILES.sum() * slides - 1, 0), slides - 4)


def tile_counts(
    scores: NDArray[np.int64], tiles: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Tiles of each slide: at least one, uneven as on real slides, by score as in BCI.

    Args:
        scores: (slides,), 0 to 3.
        tiles: of all slides together, at least the number of slides.
    """
    slides = np.bincount(scores, minlength=4)
    present = BCI_TILES * (slides > 0)
    more = np.maximum(present / present.sum() * tiles - slides, 0)
    more = _apportion(more, tiles - len(scores))
    weights = rng.lognormal(0, 0.35, len(scores))
    counts = np.ones(len(scores), np.int64)
    for score in range(4):
        here = scores == score
        if here.any():
            counts[here] += _apportion(weights[here], int(more[score]))
    return counts


def _apportion(weights: NDArray, total: int) -> NDArray[np.int64]:
    """`total` shared out by weight, in whole numbers, by largest remainder."""
    weights = np.asarray(weights, np.float64)
    weights = weights if weights.sum() > 0 else np.ones_like(weights)
    exact = weights / weights.sum() * total
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return counts

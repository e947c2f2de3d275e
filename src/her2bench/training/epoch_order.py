"""The order of the tiles in an epoch."""

import numpy as np

_WINDOW = 2 * 2**30  # bytes of tiles from anywhere in the file, shuffled together
_BLOCK = 16 * 2**20  # bytes of tiles contiguous in the file


def epoch_order(
    rows: np.ndarray,
    tile_bytes: int,
    rng: np.random.Generator,
    window: int = _WINDOW,
    block: int = _BLOCK,
) -> np.ndarray:
    """A random order of tiles with mostly sequential disk reads.

    Up to `window` bytes: any order, all equally likely. A larger set may not fit into memory, and
    random reads of single tiles would be slow. So neighbouring tiles form blocks, the blocks are
    drawn in random order, and the blocks of one window are shuffled together: each window is a
    sample of the whole set.

    Args:
        rows: (m,) each tile's place in the file.
        tile_bytes: size of a tile.
        rng: random generator.
        window: bytes shuffled together.
        block: bytes read contiguously.

    Returns:
        (m,) int64, a permutation: positions in `rows`.

    >>> rng = np.random.default_rng(0)
    >>> epoch_order(np.arange(6), 1, rng, window=4, block=2).tolist()
    [1, 0, 5, 4, 3, 2]
    """
    if len(rows) * tile_bytes <= window:
        return rng.permutation(len(rows))
    each = max(1, block // tile_bytes)
    blocks = np.split(np.argsort(rows, kind="stable"), range(each, len(rows), each))
    drawn = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
    many = max(1, window // tile_bytes)
    return np.concatenate(
        [rng.permutation(part) for part in np.split(drawn, range(many, len(drawn), many))]
    )

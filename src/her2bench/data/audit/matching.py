"""Landmarks that look alike, found among millions: codes sorted, and compared with the next few.

Sorted, codes that agree in their first bits stand together; sorted again from other bits on, codes
that differ in a few bits meet in one of the orders (Bawa et al. 2005, "LSH Forest"). The work grows
as n log n.
"""

import numpy as np

MOST_BITS = 8
"""Codes of one place differ in about 2 of 64 bits; those of two places in about 32."""
_FIRST_BITS = (0, 16, 32, 48)
_NEXT = 8
_CHUNK = 2_000_000
_ONES = np.array([bin(value).count("1") for value in range(1 << 16)], np.uint8)


def different_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many bits differ, uint8, for (…) uint64 each.

    >>> different_bits(np.uint64([0, 7]), np.uint64([1, 0])).tolist()
    [1, 3]
    """
    words = np.bitwise_xor(a, b)[..., None].view(np.uint16)
    return _ONES[words].sum(-1, dtype=np.uint8)


def alike(codes: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """Pairs of landmarks of different tiles that look alike.

    Args:
        codes: (n,) uint64.
        tiles: (n,) int, the tile of each.

    Returns:
        (k, 2) int64 indices, the first of the tile with the lower number; no pair twice.
    """
    found = [np.empty((0, 2), np.int64)]
    for first in _FIRST_BITS:
        order = np.argsort((codes << np.uint64(first)) | (codes >> np.uint64((64 - first) % 64)))
        order = order.astype(np.uint32)
        for step in range(1, _NEXT + 1):
            for start in range(0, len(order) - step, _CHUNK):
                here = order[start : min(start + _CHUNK, len(order) - step)]
                there = order[start + step : start + step + len(here)]
                good = tiles[here] != tiles[there]
                here, there = here[good], there[good]
                good = different_bits(codes[here], codes[there]) <= MOST_BITS
                found.append(np.stack([here[good], there[good]], axis=1).astype(np.int64))
    pairs = np.concatenate(found)
    wrong = tiles[pairs[:, 0]] > tiles[pairs[:, 1]]
    pairs[wrong] = pairs[wrong][:, ::-1]
    if not len(pairs):
        return pairs
    one = np.sort(pairs[:, 0] * len(codes) + pairs[:, 1])  # faster than numpy's unique
    one = one[np.r_[True, one[1:] != one[:-1]]]
    return np.stack([one // len(codes), one % len(codes)], axis=1)

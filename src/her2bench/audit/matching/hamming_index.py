"""Keypoints that look alike, found among millions: codes sorted, and compared with the next few.

Sorted, codes that agree in their first bits stand together; sorted again from other bits on, codes
that differ in a few bits meet in one of the orders (Bawa et al. 2005, "LSH Forest"). The work grows
as n log n.
"""

from dataclasses import dataclass

import numpy as np

MOST_BITS = 8
"""Codes of one place differ in about 2 of 64 bits; those of two places in about 32."""
_FIRST_BITS = (0, 16, 32, 48)
_NEXT = 8
_ONES = np.array([bin(value).count("1") for value in range(1 << 16)], np.uint8)


def different_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many bits differ, uint8, for (…) uint64 each.

    >>> different_bits(np.uint64([0, 7]), np.uint64([1, 0])).tolist()
    [1, 3]
    """
    words = np.bitwise_xor(a, b)[..., None].view(np.uint16)
    return _ONES[words].sum(-1, dtype=np.uint8)


@dataclass(frozen=True)
class SortedCodes:
    """Codes in several orders, searched for similar codes.

    Attributes:
        codes: (n,) uint64.
        tiles: (n,) int, the tile of each.
        orders: for each of `_FIRST_BITS`, the codes' indices in order from that bit on, uint32.
        turned: for each the codes in that order, turned so that this bit is their first.
    """

    codes: np.ndarray
    tiles: np.ndarray
    orders: tuple[np.ndarray, ...]
    turned: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, codes: np.ndarray, tiles: np.ndarray) -> "SortedCodes":
        orders = [np.argsort(_from(codes, first)).astype(np.uint32) for first in _FIRST_BITS]
        turned = [_from(codes[o], first) for o, first in zip(orders, _FIRST_BITS, strict=True)]
        return cls(codes, tiles, tuple(orders), tuple(turned))

    def alike(
        self, codes: np.ndarray, tiles: np.ndarray, later: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which of these codes look like which of the others, of different tiles; no pair twice.

        Args:
            codes: (m,) uint64, the others.
            tiles: (m,) int, the tile of each.
            later: only those of tiles with a higher number than the other's.

        Returns:
            (k,) int64 indices of the others, (k,) of these.
        """
        keys = np.empty(0, np.int64)
        for first, order, turned in zip(_FIRST_BITS, self.orders, self.turned, strict=True):
            asking = np.argsort(_from(codes, first))  # in order too, which spares the cache
            place = np.searchsorted(turned, _from(codes[asking], first))
            found = [keys]
            for step in range(-_NEXT, _NEXT):
                at = place + step
                inside = (at >= 0) & (at < len(order))
                here, there = asking[inside], order[at[inside]]
                other = (
                    tiles[here] < self.tiles[there] if later else tiles[here] != self.tiles[there]
                )
                here, there = here[other], there[other]
                good = different_bits(codes[here], self.codes[there]) <= MOST_BITS
                found.append(here[good] * len(self.codes) + there[good])
            keys = _each_once(np.concatenate(found))
        return keys // max(1, len(self.codes)), keys % max(1, len(self.codes))


def _from(codes: np.ndarray, first: int) -> np.ndarray:
    """Codes turned so that a certain bit is their first."""
    return (codes << np.uint64(first)) | (codes >> np.uint64((64 - first) % 64))


def _each_once(keys: np.ndarray) -> np.ndarray:
    keys.sort()  # faster than numpy's unique
    return keys[np.concatenate([np.ones(min(1, len(keys)), bool), keys[1:] != keys[:-1]])]

"""Assigning whole groups (slides, patients) to the sides of a split, with both classes on each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_TRIES = 24
_STEPS = 500
_MOST_TO_SWAP = 100  # a swap looks at every pair of groups; many groups come out even without
_LACK = 1e6


def allocate(
    tiles: np.ndarray, share: Sequence[float], rng: np.random.Generator, left: int = 0
) -> np.ndarray | None:
    """Assign groups so that each side gets about its share of the tiles of both classes.

    Greedy in a random order, large groups first, then moves and swaps while they help; the best
    of several tries. With few groups of unequal size that is the optimum or next to it; with many
    groups each generator gives another, equally even, answer.

    Args:
        tiles: (groups, 2) whole numbers, each group's negative and positive tiles.
        share: wanted share of the tiles of each side, adding up to 1.
        rng: for the order.
        left: so many groups of each class must lie outside every side (2 where a validation
            side is still to be cut from the rest).

    Returns:
        (groups,) the side of each group; None where no way was found to have both classes on
        every side.

    >>> rng = np.random.default_rng(0)
    >>> sides = allocate(np.array([[9, 0], [5, 0], [4, 0], [0, 7], [0, 7]]), [0.5, 0.5], rng)
    >>> bool(sides[0] != sides[1] == sides[2]), bool(sides[3] != sides[4])
    (True, True)
    """
    wish = _Wish(np.asarray(tiles, dtype=np.float64), np.asarray(share, dtype=np.float64), left)
    best, least = None, _LACK
    for _ in range(_TRIES if len(tiles) <= _MOST_TO_SWAP else 4):
        sides = _improved(_greedy(wish, rng), wish)
        cost = float(wish.cost(wish.held(sides), wish.share).sum())
        if cost < least - 1e-12:
            best, least = sides, cost
    return best


def groups_needed(sides: int, left: int = 0) -> int:
    """Least number of groups of each class that `allocate` needs.

    >>> groups_needed(3), groups_needed(3, left=2), groups_needed(2, left=2)
    (3, 3, 4)
    """
    # The fullest side holds at least ceil(n / sides) of n groups, and `left` more lie outside it.
    return next(n for n in range(sides, sides + 2 * left + 1) if n - -(-n // sides) >= left)


@dataclass(frozen=True)
class _Wish:
    tiles: np.ndarray
    share: np.ndarray
    left: int

    @property
    def loads(self) -> np.ndarray:
        """(groups, 4): tiles of each class, then 0 or 1, whether the group holds the class."""
        return np.concatenate([self.tiles, self.tiles > 0], axis=1)

    def held(self, sides: np.ndarray) -> np.ndarray:
        """(sides, 4): the loads summed over the groups of each side."""
        held = np.zeros((len(self.share), 4))
        np.add.at(held, sides, self.loads)
        return held

    def cost(self, held: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Cost (...) of sides that hold (..., 4) and should hold (...) of each class.

        Squared distance to the share, and a large sum for each class that a side lacks, or of
        which it leaves too few groups to the others.
        """
        away = held[..., :2] / np.maximum(self.tiles.sum(axis=0), 1) - share[..., None]
        count = held[..., 2:]
        most = (self.tiles > 0).sum(axis=0) - self.left
        lack = np.maximum(1 - count, 0) + np.maximum(count - most, 0)
        return (away**2).sum(axis=-1) + _LACK * lack.sum(axis=-1)


def _greedy(wish: _Wish, rng: np.random.Generator) -> np.ndarray:
    loads, share = wish.loads, wish.share
    size = wish.tiles.sum(axis=1) * np.exp(rng.normal(0, 0.5, len(loads)))
    order = rng.permutation(len(share))  # which of equally good sides comes first
    sides = np.zeros(len(loads), dtype=np.int64)
    held = np.zeros((len(share), 4))
    for group in np.argsort(-size, kind="stable"):
        gain = wish.cost(held + loads[group], share) - wish.cost(held, share)
        sides[group] = order[np.argmin(gain[order])]
        held[sides[group]] += loads[group]
    return sides


def _improved(sides: np.ndarray, wish: _Wish) -> np.ndarray:
    sides = sides.copy()
    for _ in range(_STEPS):
        move, gain = _best_move(sides, wish)
        if len(sides) <= _MOST_TO_SWAP:
            swap, swap_gain = _best_swap(sides, wish)
            if swap_gain < gain - 1e-12:
                move, gain = swap, swap_gain
        if gain > -1e-12:
            break
        for group, side in move:
            sides[group] = side
    return sides


def _best_move(sides: np.ndarray, wish: _Wish) -> tuple[list[tuple[int, int]], float]:
    loads, share, held = wish.loads, wish.share, wish.held(sides)
    now = wish.cost(held, share)
    removed = wish.cost(held[sides] - loads, share[sides]) - now[sides]
    added = wish.cost(held + loads[:, None], share[None]) - now
    change = removed[:, None] + added
    change[np.arange(len(sides)), sides] = 0
    group, side = np.unravel_index(np.argmin(change), change.shape)
    return [(int(group), int(side))], float(change[group, side])


def _best_swap(sides: np.ndarray, wish: _Wish) -> tuple[list[tuple[int, int]], float]:
    loads, share, held = wish.loads, wish.share, wish.held(sides)
    now = wish.cost(held, share)
    traded = held[sides][:, None] + loads[None] - loads[:, None]
    change = wish.cost(traded, share[sides][:, None]) - now[sides][:, None]
    change = np.where(sides[:, None] == sides[None], 0, change + change.T)
    one, other = np.unravel_index(np.argmin(change), change.shape)
    return [(int(one), int(sides[other])), (int(other), int(sides[one]))], float(change[one, other])

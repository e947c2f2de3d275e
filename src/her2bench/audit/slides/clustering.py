"""The number of slides: clusters of similar tiles, merged while one slide explains two of them."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
# Tiles of a slide are no independent draws: tissue and stain change over the slide, more than over
# the quarters of a tile, and near places change alike. So all tiles of a slide together count for
# no more than about three independent ones, and each for at most 0.15. Smaller numbers merge more,
# which is the safe side. Chosen on phantoms of other seeds than those reported.
_SLIDE_COUNTS, _TILE_COUNTS = 3.0, 0.15
_ROUNDS = 8
_TILES_A_HEAP = 4
_MOST_HEAPS = 2000
_AT_A_TIME = 4096


def heaped(places: Floats, linked: Ints, label: Ints, seed: int) -> Ints:
    """Clusters of similar tiles, about four each or 2,000 in all: codes (n,) 0 to h - 1.

    Args:
        places: (n, d), in `slide_embedding`.
        linked: (n,), tiles of one code stay together.
        label: (n,), tiles of different labels never come together.
        seed: of the k-means.
    """
    heap, used = np.zeros(len(places), np.int64), 0
    share = min(1 / _TILES_A_HEAP, _MOST_HEAPS / max(1, len(places)))
    for value in np.unique(label):
        here = np.flatnonzero(label == value)
        code = codes(linked[here])
        sizes = np.bincount(code)
        centres = sums(places[here], code) / sizes[:, None]
        count = min(max(1, round(share * len(here))), len(np.unique(centres, axis=0)))
        means = KMeans(count, max_iter=30, random_state=seed)
        heap[here] = used + means.fit_predict(centres, sample_weight=sizes)[code]
        used += count
    return codes(heap)


def settled(
    places: Floats, heap: Ints, label: Ints, between: Floats, slides: int | None = None
) -> tuple[Ints, float]:
    """Groups, and what a tile counts for, which depends on how many tiles a group holds.

    Args:
        places, heap, label, between: as in `merged`.
        slides: the number of groups, where it is known.

    Returns:
        (n,) codes of groups; the weight of a tile.
    """
    weight = tile_weight(len(places), slides) if slides else _TILE_COUNTS
    group = merged(places, heap, label, between, weight, slides)
    for _ in range(0 if slides else _ROUNDS):
        new = tile_weight(len(places), int(group.max()) + 1)
        if abs(new - weight) <= 0.03 * weight:
            break
        weight = new
        group = merged(places, heap, label, between, weight)
    return group, weight


def tile_weight(tiles: int, slides: int) -> float:
    """What a tile counts for beside a tile drawn independently from its slide."""
    return min(_TILE_COUNTS, _SLIDE_COUNTS * slides / tiles)


def merged(
    places: Floats,
    heap: Ints,
    label: Ints,
    between: Floats,
    tile_weight: float,
    slides: int | None = None,
) -> Ints:
    """Clusters merged, the best pair first, as long as one slide explains a pair better than two.

    The tiles of a slide are taken as normal with variance 1 around the slide's place, and those as
    normal with variance `between`: the gain of a merger is the logarithm of a Bayes factor.

    Args:
        places: (n, d).
        heap: (n,) codes 0 to h - 1, each in use.
        label: (n,), as in `heaped`.
        between: (d,), variance of the slides' places around 0.
        tile_weight: what a tile counts for beside one drawn independently from its slide.
        slides: go on to this number of groups; without it, as far as the evidence goes.

    Returns:
        (n,) codes of groups.
    """
    weight = tile_weight * np.bincount(heap)
    total = tile_weight * sums(places, heap)
    kind = label[np.unique(heap, return_index=True)[1]]
    alone = evidence(weight, total, between)

    def gains(one: int) -> Floats:
        joint = evidence(weight + weight[one], total + total[one], between)
        return np.where(allowed[one], joint - alone - alone[one], -np.inf)

    allowed = (kind[:, None] == kind) & ~np.eye(len(kind), dtype=bool)
    gain = np.stack([gains(i) for i in range(len(kind))])
    parent = np.arange(len(kind))
    for _ in range(len(kind) - (slides or 1)):
        one, other = divmod(int(gain.argmax()), len(kind))
        best = gain[one, other]
        if np.isneginf(best) or (slides is None and best < 0):
            break
        weight[one] += weight[other]
        total[one] += total[other]
        alone[one] = evidence(weight[one], total[one], between)
        parent[parent == other] = one
        allowed[other] = allowed[:, other] = False
        gain[other] = gain[:, other] = -np.inf
        gain[one] = gain[:, one] = gains(one)
    return codes(parent)[heap]


def evidence(weight: Floats, total: Floats, between: Floats) -> Floats:
    """Log evidence of tiles around one unknown place, up to a term that all partitions share.

    With place ~ N(0, b) and tiles ~ N(place, 1) of weight w and weighted sum s, along each
    direction: b s² / (1 + b w) / 2 - log(1 + b w) / 2.
    """
    spread = 1 + between * np.asarray(weight)[..., None]
    return ((between * total**2 / spread - np.log(spread)) / 2).sum(axis=-1)


def belonging(
    places: Floats, group: Ints, label: Ints, between: Floats, tile_weight: float
) -> Floats:
    """Probability that each tile belongs to its group and not to another of its label, (n,).

    Only as good as the model: two slides that look the same are one group, and sure of it.
    """
    size = np.bincount(group)
    kind = label[np.unique(group, return_index=True)[1]]
    unsure = 1 / (tile_weight * size[:, None] + 1 / between)
    centre = tile_weight * sums(places, group) * unsure
    prior = np.log(size) - _TILE_COUNTS * np.log(1 + unsure).sum(axis=1) / 2
    out = np.empty(len(places))
    for start in range(0, len(places), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        chance = np.tile(prior, (len(places[part]), 1))
        for d in range(places.shape[1]):
            away = places[part, d, None] - centre[:, d]
            chance -= _TILE_COUNTS * away**2 / (1 + unsure[:, d]) / 2
        chance = np.where(label[part, None] == kind, chance, -np.inf)
        chance = np.exp(chance - chance.max(axis=1, keepdims=True))
        own = np.take_along_axis(chance, group[part, None], axis=1)[:, 0]
        out[part] = own / chance.sum(axis=1)
    return out


def sums(places: Floats, code: Ints) -> NDArray[np.float64]:
    """Sums of places (n, d) over each code (n,): (codes, d)."""
    return np.stack([np.bincount(code, column) for column in places.T], axis=1).astype(np.float64)


def codes(names: NDArray) -> Ints:
    """Codes 0 to k - 1 of any names (n,)."""
    return np.unique(names, return_inverse=True)[1]

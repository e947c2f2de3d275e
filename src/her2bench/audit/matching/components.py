"""Sets of tiles that belong together, joined from pairs."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def joined(pairs: np.ndarray, confidence: np.ndarray) -> list[np.ndarray]:
    """The sets that pairs join, the largest first, ties by confidence.

    Args:
        pairs: (k, 2) int.
        confidence: (k,) float.

    >>> [rows.tolist() for rows in joined(np.array([[7, 1], [2, 4], [1, 5]]), np.ones(3))]
    [[1, 5, 7], [2, 4]]
    """
    if not len(pairs):
        return []
    rows, at = np.unique(pairs, return_inverse=True)
    a, b = at.reshape(-1, 2).T
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(rows), len(rows)))
    number, of = connected_components(graph, directed=False)
    surest = np.zeros(number)
    np.maximum.at(surest, of[a], confidence)
    order = np.argsort(of, kind="stable")
    sets = np.split(rows[order], np.cumsum(np.bincount(of))[:-1])
    worst = sorted(range(number), key=lambda s: (-len(sets[s]), -surest[s], sets[s][0]))
    return [sets[s] for s in worst]


def mixed(values: np.ndarray | None, rows: np.ndarray) -> bool:
    """Whether tiles of a set differ in a property; False where it is not known of all tiles.

    >>> mixed(np.array(["train", "test", "test"]), np.array([0, 2]))
    True
    """
    return values is not None and len(set(values[rows].tolist())) > 1


def counted(kinds: np.ndarray, order: tuple[str, ...]) -> str:
    """The number of each kind, as text.

    >>> counted(np.array(["b", "a", "b"]), ("a", "b", "c"))
    '1 a, 2 b'
    """
    number = {kind: int((kinds == kind).sum()) for kind in order}
    return ", ".join(f"{n} {kind}" for kind, n in number.items() if n)

"""Tiles by slide: codes, and medians over a slide's tiles."""

import numpy as np


def slide_codes(groups: np.ndarray) -> np.ndarray:
    """(n,) int: each tile's slide as a number from 0, every number in use.

    >>> slide_codes(np.array(["b", "a", "b"])).tolist()
    [1, 0, 1]
    """
    return np.unique(groups.astype(str), return_inverse=True)[1]


def medians(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(G, d) medians of (n, d) values over each slide's tiles.

    >>> medians(np.array([[1.0], [5.0], [3.0]]), np.array([0, 1, 0])).tolist()
    [[2.0], [5.0]]
    """
    order = np.argsort(codes, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(codes))[:-1])
    return np.stack([np.median(part, axis=0) for part in parts])

"""The thumbnail of a whole tile: a small grey picture, compared under all turns and flips.

Two pictures are compared by the correlation of their cosine coefficients (type II, orthonormal),
without the lowest, which many tiles share (half tissue, half glass), and the highest, which hold
noise. Flips only change signs of the coefficients and a transposition swaps the two frequencies,
so the sizes of each pair of coefficients, sorted, are the same for all eight turns and flips: a
descriptor for the search. It is a contraction: two pictures are at least as far apart as their
descriptors, so that a search within a radius loses none that correlates well enough.
"""

import numpy as np
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

SIDE = 64
LEAST_CONTRAST = 1.0
"""Grey levels (root mean square); a thumbnail below this is empty glass, alike everywhere."""
LEAST_CORRELATION = 0.9
_LOWEST, _HIGHEST, _SEARCHED = 3, 32, 10
_DIMENSIONS = 16
_MOST_NEIGHBOURS = 8
_CHUNK = 4096


def look(grey: Image.Image) -> np.ndarray:
    """A tile's thumbnail, (SIDE, SIDE) uint8, each value the mean grey of a field of the tile."""
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))


def turned(picture: np.ndarray, symmetry: int) -> np.ndarray:
    """A picture turned or flipped; the eight symmetries of the square are 0 to 7.

    Bit 0 flips left to right, bit 1 top to bottom, bit 2 transposes (first).

    Args:
        picture: (h, w, …).

    >>> turned(np.array([[1, 2], [3, 4]]), 5).tolist()
    [[3, 1], [4, 2]]
    """
    if symmetry & 4:
        picture = picture.swapaxes(0, 1)
    if symmetry & 2:
        picture = picture[::-1]
    return picture[:, ::-1] if symmetry & 1 else picture


def coefficients(looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine coefficients of thumbnails, each of length 1, and the thumbnails' contrasts.

    Args:
        looks: (n, SIDE, SIDE) uint8.

    Returns:
        (n, h, h) float32, and (n,) in grey levels.
    """
    kept = np.empty((len(looks), _HIGHEST, _HIGHEST), np.float32)
    for start in range(0, len(looks), _CHUNK):  # the transform needs 16 KB a look
        some = looks[start : start + _CHUNK].astype(np.float32)
        whole = dctn(some, axes=(1, 2), norm="ortho")
        kept[start : start + _CHUNK] = whole[:, :_HIGHEST, :_HIGHEST]  # type: ignore[index]
    kept[:, :_LOWEST, :_LOWEST] = 0
    length = np.sqrt(np.einsum("nij,nij->n", kept, kept))
    kept /= np.maximum(length, 1e-6)[:, None, None]
    return kept, length / SIDE


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of thumbnails, the second turned in each of the eight ways.

    Args:
        a, b: (k, h, h), from `coefficients`.

    Returns:
        (k, 8) float.
    """
    sign = (-1.0) ** np.arange(a.shape[1], dtype=np.float32)
    columns = []
    for symmetry in range(8):
        other = b.swapaxes(1, 2) if symmetry & 4 else b
        rows = sign if symmetry & 2 else np.ones_like(sign)
        sides = sign if symmetry & 1 else np.ones_like(sign)
        columns.append(np.einsum("kij,kij,i,j->k", a, other, rows, sides, optimize=True))
    return np.stack(columns, axis=1)


def overlap_agreement(
    first: np.ndarray, second: np.ndarray, offset: np.ndarray, sizes: tuple[np.ndarray, np.ndarray]
) -> float:
    """How well two thumbnails agree where their tiles overlap, their levels included.

    Args:
        first, second: (SIDE, SIDE) uint8.
        offset: (2,), x and y: where the second tile's upper left corner lies in the first.
        sizes: (2,) each, width and height of the tiles, in the unit of the offset.

    Returns:
        1 where they are equal, about 0 or less where they are not related: 1 less the mean square
        of their difference, in units of what it would be if nothing but their common mean were
        shared. 0 where there is nothing to see.
    """
    field = [size / SIDE for size in sizes]
    middle = (np.arange(SIDE) + 0.5)[:, None] * field[1] + offset  # of the second's fields
    inside = (middle >= 0) & (middle < sizes[0])
    x, y = ((middle / field[0])[inside[:, axis], axis] - 0.5 for axis in (0, 1))
    a = map_coordinates(
        first.astype(np.float32), np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest"
    )
    b = second[np.ix_(inside[:, 1], inside[:, 0])].astype(np.float32)
    if not b.size:
        return 0.0
    mean = (a.mean() + b.mean()) / 2
    contrast = (((a - mean) ** 2).mean() + ((b - mean) ** 2).mean()) / 2
    if contrast < LEAST_CONTRAST**2:
        return 0.0
    return float(1 - ((a - b) ** 2).mean() / 2 / contrast)


def similar_looks(looks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of thumbnails that agree under some turn or flip.

    Args:
        looks: (n, SIDE, SIDE) uint8.

    Returns:
        (k, 2) pairs, the first less than the second; (k,) the symmetry that lays the second on
        the first; (k,) their correlation. Empty looks are in no pair.
    """
    parts, contrast = coefficients(looks)
    rows = np.flatnonzero(contrast >= LEAST_CONTRAST)
    pairs = rows[_candidates(_descriptors(parts[rows, :_SEARCHED, :_SEARCHED]))]
    symmetry, agreement = np.zeros(len(pairs), int), np.zeros(len(pairs))
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        each = correlations(parts[pairs[part, 0]], parts[pairs[part, 1]])
        symmetry[part], agreement[part] = each.argmax(1), each.max(1)
    good = agreement >= LEAST_CORRELATION
    return pairs[good], symmetry[good], agreement[good]


def _descriptors(parts: np.ndarray) -> np.ndarray:
    """(n, _DIMENSIONS) the same for all turns and flips of a thumbnail; see above."""
    sizes = np.abs(parts[:, :_SEARCHED, :_SEARCHED])
    other = sizes.swapaxes(1, 2)
    upper, lower = np.triu_indices(_SEARCHED), np.tril_indices(_SEARCHED, -1)
    both = [np.maximum(sizes, other)[:, *upper], np.minimum(sizes, other)[:, *lower]]
    each = np.concatenate(both, axis=1)
    if not len(each):
        return each[:, :_DIMENSIONS]
    each -= each.mean(0)
    _, _, axes = np.linalg.svd(each[:: 1 + len(each) // 5000], full_matrices=False)
    return each @ axes[:_DIMENSIONS].T


def _candidates(descriptors: np.ndarray) -> np.ndarray:
    """(k, 2) pairs near enough for the required correlation, a few per thumbnail."""
    if len(descriptors) < 2:
        return np.empty((0, 2), np.int64)
    radius = np.sqrt(2 * (1 - LEAST_CORRELATION))
    _, near = KDTree(descriptors).query(
        descriptors, k=_MOST_NEIGHBOURS, distance_upper_bound=radius, workers=-1
    )
    near = np.reshape(near, -1)  # as many as there are thumbnails: none so near
    pairs = np.stack([np.repeat(np.arange(len(descriptors)), _MOST_NEIGHBOURS), near], axis=1)
    pairs = pairs[(near < len(descriptors)) & (pairs[:, 0] != pairs[:, 1])]
    return np.unique(np.sort(pairs, axis=1), axis=0)

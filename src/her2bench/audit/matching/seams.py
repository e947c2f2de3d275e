"""Tiles whose borders continue each other, as those cut side by side from one slide do.

Of each border the grey levels along its outermost line are compared, less their slow changes and
with the contrast evened out along the line, so that no single dark spot or edge of tissue decides.
Candidates are the nearest few lines, by the main components of these and by their levels, the slow
changes: levels part tiles widely, so that few of many need be looked at. A pair stands if its lines
correlate and differ by little more than neighbouring lines within the two tiles do, both point by
point and in their levels: two glasses of different brightness do not continue each other.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import KDTree

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.edges import BOTTOM, LEFT, RIGHT, TOP

LEAST_CORRELATION, MOST_STEP = 0.55, 1.9
_CORRELATION_A_STEP = 0.1
"""By how much more lines must correlate where the step over the seam is larger by one: chance gives
middling values of both, the next tile seldom does."""
MOST_LEVEL_STEP = 2.1
LEAST_SIDE = 128
"""Pixels: a shorter border holds too little to tell; of thousands of unrelated tiles some seem to
continue each other."""
LEAST_CONTRAST = 1.3
"""Grey levels (root mean square): below, a border is empty glass and continues anything."""
_SLOW, _EVEN = 6, 12  # samples: slower changes are taken out; contrast is evened over so many
_NOISE = 4.0  # grey levels: weaker contrast than this is not brought up
_LEAST_LEVEL_STEP = 0.3  # grey levels: what rounding and compression do to levels
_DIMENSIONS, _LEVELS, _NEAREST = 16, 14, 8
_LEVEL_WEIGHT = 0.2  # of a grey level's difference beside evened lines, which have length 1
_CHUNK = 50_000
_SLACK = 1.0  # the nearest found may be up to twice as far as the true ones: much faster


@dataclass(frozen=True)
class Seams:
    """Pairs of tiles, the second right of the first or below it.

    Attributes:
        pairs: (k, 2) int64, the left or upper tile first.
        below: (k,) bool, the second lies below; else on the right.
        correlation: (k,) float, of the two lines at the seam.
    """

    pairs: np.ndarray
    below: np.ndarray
    correlation: np.ndarray


def find_seams(observations: Observations, rows: np.ndarray) -> Seams:
    """All pairs of the given rows whose borders continue each other.

    Args:
        observations: with the fields of `MATCHING_FEATURES`.
        rows: (m,) int, the tiles to compare.
    """
    lines = observations["borders"][rows]
    size = observations["tile_size"][rows]
    across = _seams(lines, RIGHT, LEFT, size[:, 1])
    down = _seams(lines, BOTTOM, TOP, size[:, 0])
    return Seams(
        rows[np.concatenate([across[0], down[0]])],
        np.repeat([False, True], [len(across[0]), len(down[0])]),
        np.concatenate([across[1], down[1]]),
    )


def _seams(
    lines: np.ndarray, side: int, opposite: int, length: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of tiles, (k, 2), one's side on the other's opposite one; and the correlation, (k,)."""
    first, first_contrast = _evened(lines[:, side, 0])
    second, second_contrast = _evened(lines[:, opposite, 0])
    ends = np.flatnonzero(first_contrast >= LEAST_CONTRAST)
    starts = np.flatnonzero(second_contrast >= LEAST_CONTRAST)
    levels = _levels(lines[ends, side, 0]), _levels(lines[starts, opposite, 0])
    pairs = _nearest(*_descriptors(first[ends], second[starts], *levels))
    pairs = np.column_stack([ends[pairs[:, 0]], starts[pairs[:, 1]]])
    a, b = pairs.T
    pairs = pairs[(a != b) & (length[a] == length[b]) & (length[a] >= LEAST_SIDE)]
    correlation = np.empty(len(pairs))
    step, level = np.empty((2, len(pairs)))
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        a, b = pairs[part].T
        correlation[part] = np.einsum("ks,ks->k", first[a], second[b])
        step[part], level[part] = _steps(lines[a, side], lines[b, opposite])
    least = LEAST_CORRELATION + _CORRELATION_A_STEP * np.maximum(step - 1, 0)
    good = (correlation >= least) & (step <= MOST_STEP) & (level <= MOST_LEVEL_STEP)
    return pairs[good], correlation[good]


def _steps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps over seams in units of those between neighbouring lines within the tiles.

    Args:
        first, second: (k, LINES, SAMPLES) uint8, the outermost line first.

    Returns:
        (k,) of the lines as they are; (k,) of their levels, the slow changes along them.
    """
    first, second = first.astype(np.float32), second.astype(np.float32)
    over = first[:, 0] - second[:, 0]
    within = [lines[:, 0] - lines[:, 1] for lines in (first, second)]
    expected = np.sqrt(sum(_rms(each) ** 2 for each in within) / 2)
    slow = [_rms(gaussian_filter1d(each, _SLOW, axis=1)) for each in (over, *within)]
    usual = np.maximum((slow[1] + slow[2]) / 2, _LEAST_LEVEL_STEP)
    return _rms(over) / np.maximum(expected, 1e-6), slow[0] / usual


def _evened(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines without slow changes, of even contrast, mean 0 and length 1; and their contrast."""
    lines = lines.astype(np.float32)
    fast = lines - gaussian_filter1d(lines, _SLOW, axis=1)
    local = np.sqrt(gaussian_filter1d(fast**2, _EVEN, axis=1) + _NOISE**2)
    even = fast / local
    even -= even.mean(1, keepdims=True)
    even /= np.maximum(np.linalg.norm(even, axis=1, keepdims=True), 1e-6)
    return even, _rms(fast)


def _levels(lines: np.ndarray) -> np.ndarray:
    """The slow changes along lines, (k, _LEVELS) in grey levels (root mean square)."""
    slow = dct(lines.astype(np.float32), norm="ortho", axis=1)[:, :_LEVELS]  # type: ignore[index]
    return slow / np.sqrt(lines.shape[1])


def _descriptors(
    first: np.ndarray, second: np.ndarray, first_levels: np.ndarray, second_levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is compared of evened lines (k, SAMPLES) and their levels, alike for both."""
    if not len(first) or not len(second):
        return first_levels, second_levels
    both = np.concatenate([first, second])
    _, _, axes = np.linalg.svd(both[:: 1 + len(both) // 5000], full_matrices=False)
    main = axes[:_DIMENSIONS].T
    return (
        np.hstack([first @ main, _LEVEL_WEIGHT * first_levels]),
        np.hstack([second @ main, _LEVEL_WEIGHT * second_levels]),
    )


def _nearest(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(k, 2) the few most alike of the second descriptors for each of the first."""
    if not len(first) or not len(second):
        return np.empty((0, 2), np.int64)
    few = min(_NEAREST, len(second))
    _, near = KDTree(second).query(first, k=few, eps=_SLACK, workers=-1)
    return np.column_stack([np.repeat(np.arange(len(first)), few), np.reshape(near, -1)])


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt((values**2).mean(-1))

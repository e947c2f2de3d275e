"""A measure freed from the stain: what is left of it once the tissue has been accounted for.

Sharpness, noise, file size and even the white point depend on what lies on the glass: membranes
of a 3+ tumour are sharp edges, and fill a file. That is biology, not a shortcut. How much a
measure owes to the tissue is learned *within* slides, where scanner, lamp and compression are
the same for all tiles, and taken off everywhere. Between slides nothing is learned: a scanner
that is correlated with the stain must not be taken for it.
"""

import numpy as np

from her2bench.audit.confounding.by_slide import slide_codes

_MOST = 20_000  # tiles that are enough to learn from


def residuals(values: np.ndarray, tissue: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Measures less what the tissue in the tile explains of them within slides.

    Args:
        values: (n, d), measures of the scanner or the file.
        tissue: (n, k), measures of stain and tissue.
        groups: (n,), each tile's slide; None: all tiles as of one slide, so that what the scanner
            and the stain have in common is taken off too (too little is then reported).

    Returns:
        (n, d) float64, in the units of `values`, with the same mean.
    """
    values = np.asarray(values, np.float64)
    explaining = _curves(tissue)
    codes = np.zeros(len(values), np.int64) if groups is None else slide_codes(groups)
    within, inside = _within(explaining, codes), _within(values, codes)
    rows = slice(None, None, max(1, len(values) // _MOST))
    part, aim = within[rows], inside[rows]
    # A little ridge: the curves of ranks resemble one another, and of slides of one tile nothing
    # can be learned.
    penalty = 1e-3 * len(part) * np.eye(part.shape[1]) * max(part.var(), 1e-9)
    effect = np.linalg.solve(part.T @ part + penalty, part.T @ aim)
    return values - (explaining - explaining.mean(axis=0)) @ effect


def _curves(tissue: np.ndarray) -> np.ndarray:
    """(n, 4k): each measure as itself, its logarithm, its rank and the rank's square: a curve."""
    tissue = np.asarray(tissue, np.float64)
    order = np.argsort(np.argsort(tissue, axis=0, kind="stable"), axis=0, kind="stable")
    rank = order / max(len(tissue) - 1, 1) - 0.5
    typical = np.abs(tissue).mean(axis=0)
    log = np.log(np.maximum(tissue, 0) + 0.1 * np.where(typical > 0, typical, 1))
    return np.hstack([_scaled(tissue), _scaled(log), 3 * rank, 6 * rank**2])


def _scaled(values: np.ndarray) -> np.ndarray:
    spread = values.std(axis=0)
    return np.clip((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1), -3, 3)


def _within(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Each row less the mean of its slide."""
    tiles = np.bincount(codes)
    sums = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)
    return values - (sums / tiles[:, None])[codes]

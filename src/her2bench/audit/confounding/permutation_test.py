"""Cross-validated association of measures with the target, and its permutation test.

The unit is the slide: where all tiles of a slide have one label, 2,000 tiles of 20 slides are 20
observations, and any measure that differs between slides seems to predict the label. So a model is
fitted on some slides and tested on others; the null distribution is the same procedure with
labels permuted at slide level.
"""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.confounding.by_slide import medians, slide_codes

FOLDS = 10
_MOST_ROWS = 2_000
_MOST_CELLS = 4_000_000  # rows x permutations
_AT_ONCE = 500_000  # of these
_RIDGE = 0.05  # of the variance of a measure


@dataclass(frozen=True)
class Association:
    """The cross-validated association of a set of measures with the target.

    Attributes:
        auc: ROC-AUC over tiles, each scored by a model that saw no tile of its slide.
        p_value: how often labels permuted at slide level are predicted as well; NaN where
            the measures are constant or too few slides hold one of the classes.
        slides: number of slides; 0 where they are unknown.
    """

    auc: float
    p_value: float
    slides: int


def association_test(
    measures: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray | None,
    rng: np.random.Generator,
    permutations: int = 9999,
) -> Association:
    """Cross-validated ROC-AUC of linear discrimination, and its permutation p-value.

    Where every slide has one label, a slide is one row, the median of its tiles; else each tile
    is a row, and a permutation gives each slide another slide's share of positive tiles. Beyond
    2,000 rows a sample of them is used. The discriminant is that of Fisher with a little
    ridge, measured from the middle between the classes, so that their sizes in a fold do not
    matter.

    Args:
        measures: (n, d); columns without variance have no effect.
        target: (n,) 0 or 1.
        groups: (n,) slides; None where they are unknown: tiles are then taken as independent,
            and the p-value is far too small.
        rng: source of folds and permutations.
        permutations: how many; the least p-value is 1 / (1 + permutations).
    """
    codes = np.arange(len(target)) if groups is None else slide_codes(groups)
    x, y, weights, slides = _rows(np.asarray(measures, np.float64), target, codes, rng)
    fold = _folds(slides, rng)
    auc = float(_aucs(_scores(x, y[:, None], fold), y[:, None], weights)[0])
    number = 0 if groups is None else int(codes.max()) + 1
    testable = min(_slides_with(y, slides)) > 1 and bool((x != x[:1]).any())
    count = min(permutations, _MOST_CELLS // len(y)) if testable else 0
    if count == 0:
        return Association(auc, float("nan"), number)
    reached = 0
    for first in range(0, count, step := max(1, _AT_ONCE // len(y))):
        labels = _permuted(y, slides, min(step, count - first), rng)
        reached += int((_aucs(_scores(x, labels, fold), labels, weights) >= auc - 1e-9).sum())
    return Association(auc, (1 + reached) / (1 + count), number)


def _rows(
    x: np.ndarray, y: np.ndarray, slides: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measures, target, weight and slide of each row: one row per slide, or one row per tile."""
    y, tiles = np.asarray(y, bool), np.bincount(slides)
    share = np.bincount(slides, weights=y) / tiles
    if len(tiles) < len(y) and np.isin(share, (0, 1)).all():
        x = medians(x, slides)
        y, slides, weights = share > 0.5, np.arange(len(tiles)), tiles.astype(np.float64)
    else:
        weights = np.ones(len(y))
    if len(y) > _MOST_ROWS:
        kept = np.sort(rng.choice(len(y), _MOST_ROWS, replace=False))
        x, y, weights = x[kept], y[kept], weights[kept]
        slides = np.unique(slides[kept], return_inverse=True)[1]
    return x, y, weights, slides


def _slides_with(y: np.ndarray, slides: np.ndarray) -> tuple[int, int]:
    return len(np.unique(slides[y])), len(np.unique(slides[~y]))


def _folds(slides: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each row, whole slides together, drawn without regard to the labels.

    Folds balanced by label would have to be drawn for every permutation for a valid test.
    """
    count = int(slides.max()) + 1
    return (rng.permutation(count) % min(FOLDS, count))[slides]


def _permuted(
    y: np.ndarray, slides: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """(n, count) labels as they might have been: each slide with another slide's share."""
    tiles = np.bincount(slides)
    if len(tiles) == len(y):
        return rng.permuted(np.tile(y[:, None], count), axis=0)
    share = np.bincount(slides, weights=y) / tiles
    first = np.repeat(np.cumsum(tiles) - tiles, tiles)
    labels = np.empty((len(y), count), bool)
    for column in range(count):
        wanted = share[rng.permutation(len(tiles))] * tiles
        positives = np.floor(wanted + rng.random(len(tiles))).astype(np.int64)
        order = np.lexsort((rng.random(len(y)), slides))
        labels[order, column] = np.arange(len(y)) - first < positives[slides[order]]
    return labels


def _scores(x: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(n, B): how positive each row looks to the discriminant fitted without its fold.

    Args:
        x: (n, d).
        labels: (n, B) bool, a column a permutation.
        fold: (n,).
    """
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 1e-9 * np.abs(x).max(initial=1), spread, np.inf)
    scores = np.zeros(labels.shape)
    for number in np.unique(fold):
        test = fold == number
        part, truth = x[~test], labels[~test].astype(np.float64)
        positives = truth.sum(axis=0)
        negatives = len(truth) - positives
        up = part.T @ truth / np.maximum(positives, 1)
        down = part.T @ (1 - truth) / np.maximum(negatives, 1)
        about = part - part.mean(axis=0)
        scatter = about.T @ about / max(len(about), 1) + _RIDGE * np.eye(x.shape[1])
        way = np.linalg.solve(scatter, up - down) * ((positives > 0) & (negatives > 0))
        scores[test] = x[test] @ way - ((up + down) / 2 * way).sum(axis=0)
    return scores


def _aucs(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) ROC-AUC of each column, ties counting half, rows weighted; 0.5 with one class."""
    n = len(scores)
    order = np.argsort(scores, axis=0, kind="stable")
    ranked = np.round(np.take_along_axis(scores, order, axis=0), 9)
    truth = np.take_along_axis(labels, order, axis=0)
    weight = weights[order]
    negative = np.vstack([np.zeros(scores.shape[1]), np.cumsum(weight * ~truth, axis=0)])
    new = np.vstack([np.ones(scores.shape[1], bool), ranked[1:] > ranked[:-1]])
    rows = np.arange(n)[:, None]
    first = np.maximum.accumulate(np.where(new, rows, 0), axis=0)
    ends = np.where(np.vstack([new[1:], new[:1]]), rows + 1, n)
    last = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    below = np.take_along_axis(negative, first, axis=0)
    upto = np.take_along_axis(negative, last, axis=0)
    won = (weight * truth * (below + upto) / 2).sum(axis=0)
    all_pairs = (weight * truth).sum(axis=0) * negative[-1]
    return np.where(all_pairs > 0, won / np.maximum(all_pairs, 1e-12), 0.5)

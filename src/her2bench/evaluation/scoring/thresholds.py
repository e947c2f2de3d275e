"""Choosing a threshold on validation tiles. A tile at the threshold is never positive."""

import math

import numpy as np

from her2bench.core.errors import UserError
from her2bench.evaluation.scoring.settings import ThresholdRule
from her2bench.evaluation.statistics.arrays import Bools, Floats
from her2bench.evaluation.statistics.probabilistic import sigmoid


def choose_threshold(logits: Floats, targets: Bools, rule: ThresholdRule) -> float:
    """The threshold a rule picks on validation tiles.

    A chosen threshold lies half-way between two neighbouring logits. Where several do equally
    well, the lowest is taken (it calls the most tiles positive). If all logits are equal there is
    nothing to choose, and the threshold stays at 0 (probability 0.5).

    Args:
        logits: (n,) float64 of validation tiles.
        targets: (n,) bool or 0/1.
        rule: fixed, Youden, or a wanted sensitivity or specificity.

    Returns:
        A finite logit; tiles strictly above it are predicted positive.

    Raises:
        UserError: the tiles hold no example of a class that the rule needs.

    Source: Youden 1950, Cancer 3:32.

    >>> rule = ThresholdRule(kind="youden")
    >>> choose_threshold(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1]), rule)
    0.0
    """
    if rule.kind == "fixed":
        return fixed_threshold(rule)
    targets = np.asarray(targets, dtype=bool)
    _check_classes(targets, rule)
    levels, where = np.unique(np.asarray(logits, dtype=np.float64), return_inverse=True)
    if len(levels) == 1:
        return 0.0
    # Candidate k lies below levels[k] and above levels[k - 1]; the last one above all.
    inner = np.minimum(levels[:-1] + np.diff(levels) / 2, np.nextafter(levels[1:], -np.inf))
    candidates = np.concatenate([[levels[0] - 1], inner, [levels[-1] + 1]])
    sensitivity = _share_above(where, targets, len(levels))
    specificity = 1 - _share_above(where, ~targets, len(levels))
    if rule.kind == "youden":
        return float(candidates[_first_best(sensitivity + specificity)])
    wanted = rule.value if rule.value is not None else math.nan
    if rule.kind == "sensitivity":
        return float(candidates[np.flatnonzero(sensitivity >= wanted - 1e-12)[-1]])
    return float(candidates[np.flatnonzero(specificity >= wanted - 1e-12)[0]])


def fixed_threshold(rule: ThresholdRule) -> float:
    """The logit of a fixed rule; 0 (probability 0.5) where it names none.

    Of a probability it is the greatest logit that does not give more: tiles above the one are
    those above the other, to the last digit.
    """
    if rule.probability is None:
        return rule.logit if rule.logit is not None else 0.0
    low, high = -800.0, 800.0  # of probabilities 0 and 1
    while low < (middle := (low + high) / 2) < high:
        if sigmoid(np.array([middle]))[0] <= rule.probability:
            low = middle
        else:
            high = middle
    return low


def _share_above(where: np.ndarray, chosen: Bools, levels: int) -> Floats:
    """The share of chosen tiles above each of the levels + 1 candidates; NaN if none is chosen."""
    counts = np.bincount(where[chosen], minlength=levels)
    above = np.concatenate([np.cumsum(counts[::-1])[::-1], [0]])
    return above / counts.sum() if counts.sum() else np.full(levels + 1, np.nan)


def _first_best(values: Floats) -> int:
    return int(np.flatnonzero(values >= values.max() - 1e-12)[0])


def _check_classes(targets: Bools, rule: ThresholdRule) -> None:
    needs = {"youden": (True, False), "sensitivity": (True,), "specificity": (False,)}[rule.kind]
    for wanted in needs:
        if not np.any(targets == wanted):
            kind = "positive" if wanted else "negative"
            raise UserError(
                "validation tiles",
                found=f"no {kind} tile, so no threshold by rule {rule.kind!r}",
                expected="tiles of both classes",
                hint="use a fixed threshold, or splits that put both classes into val",
            )

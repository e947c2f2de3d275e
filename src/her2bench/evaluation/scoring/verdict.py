"""The verdict on a pair of models, in words."""

from dataclasses import dataclass

import numpy as np

from her2bench.core.scores import Decision
from her2bench.core.vocabulary import BASELINES


@dataclass(frozen=True)
class VerdictBasis:
    """The inputs of a verdict.

    Args:
        model_a, model_b: the two; where one is a baseline, it is model_b.
        gain: how much better a did, in the metric's units; negative if b did better.
        p_adjusted: of "no difference", after Holm.
        p_equivalent: of "further apart than the margin", after Holm; NaN where not asked.
        margin: the largest difference that does not matter.
        alpha: 0.05 for 95% confidence.
        needed: range of the number of slides needed to detect `target`; None unknown.
        target: the difference they would be needed for.
        known: whether slides are known.
    """

    model_a: str
    model_b: str
    gain: float
    p_adjusted: float
    p_equivalent: float
    margin: float
    alpha: float
    needed: tuple[float, float] | None
    target: float
    known: bool


def decide(e: VerdictBasis) -> Decision:
    """Which model is better, or whether the two are equivalent, or neither is shown."""
    if np.isnan(e.gain) or np.isnan(e.p_adjusted):
        return "undefined"
    if e.p_adjusted < e.alpha:
        return "a" if e.gain > 0 else "b"
    return "equivalent" if e.p_equivalent < e.alpha else "undecided"


def in_words(e: VerdictBasis) -> str:
    """The verdict as a sentence without a full stop."""
    decision = decide(e)
    if decision == "undefined":
        return no_verdict(e.gain, e.known)
    words = _claim(e, decision)
    if e.model_b in BASELINES and e.model_a not in BASELINES and decision != "a":
        words = f"{e.model_a} is not shown to beat {BASELINES[e.model_b].phrase}: {words}"
    return words if e.known else f"{words} (slides unknown: tiles taken as independent)"


def no_verdict(difference: float, known: bool) -> str:
    """Why there is none: without a value, or without an estimate of how sure it is."""
    if np.isnan(difference):
        return "undefined: the metric is undefined on these tiles"
    return f"no verdict: the variance cannot be estimated from these {_unit(known)}"


def _unit(known: bool) -> str:
    return "slides" if known else "tiles"


def _claim(e: VerdictBasis, decision: Decision) -> str:
    if decision in ("a", "b"):
        better, worse = (e.model_a, e.model_b) if decision == "a" else (e.model_b, e.model_a)
        little = f", but by less than {e.margin:g}" if e.p_equivalent < e.alpha else ""
        return f"{better} better than {worse}{little}"
    if decision == "equivalent":
        return f"no significant difference, and equivalent within ±{e.margin:g}"
    return f"no significant difference{_needed(e)}"


def _needed(e: VerdictBasis) -> str:
    unit = _unit(e.known)
    if e.needed is None:
        return ""
    low, high = e.needed
    if np.isinf(low):
        number = f"more seeds, not more {unit},"
    elif np.isinf(high):
        number = f"roughly {low:.0f} {unit} or more, and perhaps more seeds,"
    else:
        number = f"roughly {low:.0f} to {high:.0f} {unit}"
    return f"; {number} would be needed to detect a difference of {e.target:.2g}"

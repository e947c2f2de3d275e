"""Verdicts on a pair of models: the decision, and its words."""

import pytest

from her2bench.evaluation.scoring.verdict import VerdictBasis, decide, in_words


def basis(**changes) -> VerdictBasis:
    base = {
        "model_a": "net",
        "model_b": "other",
        "gain": 0.05,
        "p_adjusted": 0.2,
        "p_equivalent": 0.9,
        "margin": 0.02,
        "alpha": 0.05,
        "needed": (60.0, 200.0),
        "target": 0.05,
        "known": True,
    }
    return VerdictBasis(**{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "decision", "words"),
    [
        ({"p_adjusted": 0.01}, "a", "net better than other"),
        ({"p_adjusted": 0.01, "gain": -0.05}, "b", "other better than net"),
        (
            {"p_adjusted": 0.01, "gain": 0.01, "p_equivalent": 0.01},
            "a",
            "net better than other, but by less than 0.02",
        ),
        (
            {"p_equivalent": 0.01},
            "equivalent",
            "no significant difference, and equivalent within ±0.02",
        ),
        (
            {},
            "undecided",
            "no significant difference; roughly 60 to 200 slides would be needed to detect a "
            "difference of 0.05",
        ),
        (
            {"needed": (60.0, float("inf"))},
            "undecided",
            "no significant difference; roughly 60 slides or more, and perhaps more seeds, would "
            "be needed to detect a difference of 0.05",
        ),
        (
            {"needed": (float("inf"), float("inf")), "target": 0.02},
            "undecided",
            "no significant difference; more seeds, not more slides, would be needed to detect a "
            "difference of 0.02",
        ),
        ({"needed": None}, "undecided", "no significant difference"),
        (
            {"model_b": "dab_baseline", "p_adjusted": 0.01, "gain": -0.1},
            "b",
            "net is not shown to beat the DAB baseline: dab_baseline better than net",
        ),
        (
            {"model_b": "dab_baseline", "p_adjusted": 0.01},
            "a",
            "net better than dab_baseline",
        ),
        (
            {"known": False, "needed": None},
            "undecided",
            "no significant difference (slides unknown: tiles taken as independent)",
        ),
        (
            {"p_adjusted": float("nan")},
            "undefined",
            "no verdict: the variance cannot be estimated from these slides",
        ),
        (
            {"gain": float("nan"), "p_adjusted": float("nan")},
            "undefined",
            "undefined: the metric is undefined on these tiles",
        ),
    ],
)
def test_words(changes, decision, words):
    assert decide(basis(**changes)) == decision
    assert in_words(basis(**changes)) == words

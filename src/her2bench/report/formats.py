"""Numbers as the report prints them."""

from her2bench.core.scores import Pair
from her2bench.core.vocabulary import SCORES
from her2bench.evaluation.scoring.settings import ThresholdRule


def number(value: float | None) -> str:
    """Three decimals with a true minus sign; a dash for none.

    >>> number(-0.1234), number(None)
    ('−0.123', '–')
    """
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def short(value: float) -> str:
    """Two decimals, for the limits of an interval where space is limited.

    >>> short(-0.128)
    '−0.13'
    """
    return f"{value:.2f}".replace("-", "−")


def difference(pair: Pair) -> str:
    """A pair's difference and its interval.

    >>> from types import SimpleNamespace
    >>> difference(SimpleNamespace(difference=0.0237, low=-0.11, high=0.162))
    '+0.024 (−0.110 to +0.162)'
    >>> difference(SimpleNamespace(difference=0.5, low=None, high=None))
    '+0.500 (no interval)'
    """
    if pair.difference is None:
        return "undefined"
    known = pair.low is not None and pair.high is not None
    inner = f"{pair.low:+.3f} to {pair.high:+.3f}" if known else "no interval"
    return f"{pair.difference:+.3f} ({inner})".replace("-", "−")


def percent(share: float) -> str:
    """A share, such as a confidence, in percent, without trailing zeros.

    >>> percent(0.95), percent(0.975)
    ('95%', '97.5%')
    """
    return f"{100 * share:.6g}%"


def p_value(p: float | None) -> str:
    """A p-value in three decimals at most.

    >>> p_value(0.00001), p_value(0.0316)
    ('< 0.001', '0.032')
    """
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float | None) -> str:
    """A duration in seconds, minutes or hours.

    >>> duration(9.4), duration(754), duration(9000)
    ('9 s', '13 min', '2.5 h')
    """
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def rate(value: float | None) -> str:
    """A rate per second: a whole number; two digits below ten.

    >>> rate(1234.5), rate(3.04), rate(0.4)
    ('1,234', '3', '0.4')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def large(value: float | None) -> str:
    """A count or a rate in three digits, with k, M, G or T for thousands and more.

    >>> large(25_656), large(1.2e9), large(300), large(0.1), large(999_999)
    ('25.7 k', '1.2 G', '300', '0.1', '1 M')
    """
    if value is None:
        return "–"
    shown = float(f"{value:.3g}")
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if shown >= size:
            return f"{shown / size:.3g} {unit}"
    return f"{shown:g}"


def score(value: int | None) -> str:
    """An IHC score as text.

    >>> score(2), score(None)
    ('2+', 'mixed')
    """
    return "mixed" if value is None else SCORES[value]


def threshold_rule(rule: ThresholdRule) -> str:
    """The rule that chose the thresholds, in words.

    >>> threshold_rule(ThresholdRule(kind="youden"))
    'greatest sensitivity + specificity on validation tiles'
    """
    if rule.kind == "youden":
        return "greatest sensitivity + specificity on validation tiles"
    if rule.kind == "fixed":
        given = f"logit {rule.logit:g}" if rule.logit is not None else ""
        return f"fixed beforehand at {given or f'probability {rule.probability or 0.5:g}'}"
    return f"{rule.kind} of at least {rule.value:g} on validation tiles"

"""Rows and pairs for points and parts of the ROC curve, where a user asks for them."""

from collections.abc import Mapping

import numpy as np

from her2bench.core.scores import Family, Pair, Row, known
from her2bench.evaluation.scoring.extra_rows import extra_row
from her2bench.evaluation.scoring.metric_intervals import BOOTSTRAP_SLIDES, VANISHING
from her2bench.evaluation.scoring.model_evaluation import MANY_TILES, ModelEvaluation
from her2bench.evaluation.scoring.pair_tests import agreeing
from her2bench.evaluation.scoring.pairwise import (
    ensembles_of,
    family_of,
    two_by_two,
    within_families,
)
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.verdict import no_verdict
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import Estimate, whole_slides
from her2bench.evaluation.statistics.intervals import (
    NONE,
    Interval,
    percentile,
    percentile_p_value,
    t_quantile,
    wilson,
)
from her2bench.evaluation.statistics.roc_points import (
    PARTIAL,
    SENSITIVITY,
    SPECIFICITY,
    Point,
    point_replicates,
    point_values,
)


def point_results(
    judged: Mapping[str, ModelEvaluation], split: str, settings: ScoreSettings
) -> tuple[list[Row], list[Pair]]:
    """One row per model and requested point, and one pair per two models.

    Args:
        judged: name → model; for the pairs all on one sample.
        split: the split they are scored on.
        settings: which points are requested.
    """
    rows, pairs = [], []
    for point in _points_asked(settings):
        values, drawn = {}, {}
        for name, model in judged.items():
            sample = model.panel.sample
            once = np.ones((1, sample.n_groups))
            values[name] = point_values(sample, model.panel.answers, point, once)[:, 0]
            if _resampled(model, settings):
                drawn[name] = point_replicates(
                    sample, model.panel.answers, point, settings.bootstrap, settings.seed
                )
            found = _interval(model, values[name].mean(), drawn.get(name), settings)
            rows.append(extra_row(model, split, point.name, values[name], *found))
        pairs += _pairs(judged, point, values, drawn, settings) if split == "test" else []
    return rows, pairs


def _points_asked(settings: ScoreSettings) -> tuple[Point, ...]:
    """The requested points; none by default."""
    asked = (
        (SENSITIVITY, settings.at_specificity),
        (SPECIFICITY, settings.at_sensitivity),
        (PARTIAL, settings.partial_auc),
    )
    return tuple(Point(kind, at) for kind, at in asked if at is not None)


def _resampled(model: ModelEvaluation, settings: ScoreSettings) -> bool:
    few = whole_slides(_auc(model)) < BOOTSTRAP_SLIDES
    return bool(settings.bootstrap) and not few and len(model.panel.sample.targets) <= MANY_TILES


def _auc(model: ModelEvaluation) -> Estimate:
    """Its degrees of freedom and leverage are those of everything on the ROC curve."""
    return model.estimates["roc_auc"]


def _interval(
    model: ModelEvaluation, value: float, drawn: Floats | None, settings: ScoreSettings
) -> tuple[Interval, str]:
    auc = _auc(model)
    if np.isnan(value):
        return NONE, "undefined"
    if drawn is None:
        return NONE, f"no interval: needs a bootstrap, and {BOOTSTRAP_SLIDES} slides of each class"
    unit = model.panel.sample.unit
    if value in (0.0, 1.0):
        slides = whole_slides(auc)
        quantile = t_quantile(slides - 1, settings.confidence)
        return wilson(value, slides, quantile), f"Wilson on slides, {unit}"
    defined = drawn[np.isfinite(drawn)]
    if len(defined) and np.ptp(defined) ** 2 < VANISHING:
        return NONE, "no interval: no variance between slides"
    method = f"bootstrap of {len(drawn)}, threshold chosen in each replicate, {unit}"
    return percentile(drawn, auc.widening, auc.df, settings.confidence), method


def _pairs(
    judged: Mapping[str, ModelEvaluation],
    point: Point,
    values: dict[str, Floats],
    drawn: dict[str, Floats],
    settings: ScoreSettings,
) -> list[Pair]:
    everyone = two_by_two(judged)
    tested = [_tested(a, b, values, drawn, settings) for a, b in everyone]
    derived = ensembles_of(judged)
    families: list[Family] = [family_of((a.name, b.name), derived) for a, b in everyone]
    adjusted = within_families(families, [p for _, _, p in tested])
    return [
        _pair(point, a, b, *found, float(p), family, settings)
        for (a, b), found, p, family in zip(everyone, tested, adjusted, families, strict=True)
    ]


def _tested(
    a: ModelEvaluation,
    b: ModelEvaluation,
    values: dict[str, Floats],
    drawn: dict[str, Floats],
    settings: ScoreSettings,
) -> tuple[float, Interval, float]:
    """Difference, interval and p-value of a paired cluster bootstrap."""
    value = float(values[a.name].mean() - values[b.name].mean())
    if np.isnan(value) or a.name not in drawn or b.name not in drawn:
        return value, NONE, float("nan")
    d = Difference(_auc(a), _auc(b))
    replicates = drawn[a.name] - drawn[b.name]
    replicates = replicates[np.isfinite(replicates)]
    if not len(replicates) or replicates.min() == replicates.max():
        return value, NONE, float("nan")  # resampling cannot show what new slides may
    interval = percentile(replicates, d.widening, d.df, settings.confidence)
    p = percentile_p_value(value, replicates, d.widening, d.df)
    p = max(p, 2 / (len(replicates) + 1))  # no number of replicates shows less
    return value, *agreeing(interval, p, float("nan"), d.df, settings.confidence)


def _pair(
    point: Point,
    a: ModelEvaluation,
    b: ModelEvaluation,
    value: float,
    interval: Interval,
    p: float,
    adjusted: float,
    family: Family,
    settings: ScoreSettings,
) -> Pair:
    shown = adjusted < 1 - settings.confidence
    better, worse = (a.name, b.name) if value > 0 else (b.name, a.name)
    words = f"{better} better than {worse}" if shown else "no significant difference"
    if np.isnan(adjusted):
        words = no_verdict(value, a.panel.sample.known)
    elif not a.panel.sample.known:
        words += " (slides unknown: tiles taken as independent)"
    return Pair(
        metric=point.name,
        question="weights",
        model_a=a.name,
        model_b=b.name,
        verdict=words,
        decision="undefined"
        if np.isnan(adjusted)
        else ("a" if value > 0 else "b")
        if shown
        else "undecided",
        method="paired bootstrap, threshold chosen in each replicate",
        groups=a.panel.sample.n_groups,
        family=family,
        difference=known(value),
        low=known(interval.low),
        high=known(interval.high),
        p_value=known(p),
        p_adjusted=known(adjusted),
    )

"""Every pair of models on every metric: difference, interval, p-values, verdict."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from her2bench.core.scores import Family, Pair, known
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.metric_intervals import MINIMUM_SEEDS
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.pair_tests import (
    Tested,
    compare_recipes,
    compare_weights,
    recipe_answerable,
)
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.verdict import VerdictBasis, decide, in_words
from her2bench.evaluation.statistics.arrays import FEW_GROUPS, Floats
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.multiplicity import holm, mcnemar
from her2bench.evaluation.statistics.slides_needed import Needed, groups_needed, needed_range

FAMILIES: tuple[Family, ...] = ("networks", "against baselines", "baselines")
OF_ENSEMBLES: tuple[Family, ...] = ("ensembles", "ensembles against baselines")
SEEDS_FOR_RANGE = 10  # of each recipe: with 3 or 5 the power promised was missed by far


def compare_all(
    judged: Mapping[str, ModelEvaluation],
    settings: ScoreSettings,
    metrics: Iterable[str] = METRICS,
    unanswered: bool = True,
) -> tuple[Pair, ...]:
    """Compare all pairs of models, scored on the same tiles, on all metrics.

    Args:
        judged: name → model, all on one sample; the caller has checked that.
        settings: primary metric, margin, confidence, flips and seed.
        metrics: those to compare on.
        unanswered: whether to name the pairs whose recipes cannot be compared.

    Returns:
        Pairs by question, metric, then in the order of the models; a baseline stands second.
    """
    pairs: list[Pair] = []
    everyone, derived = two_by_two(judged), ensembles_of(judged)
    recipes = [two for two in everyone if not any(model.ensemble for model in two)]
    answered = [two for two in recipes if all(map(recipe_answerable, two))]
    for metric in metrics:
        tested = [compare_weights(metric, *two, settings) for two in _both(everyone, metric)]
        pairs += _with_verdicts(tested, settings, derived)
    for metric in metrics:
        tested = [compare_recipes(metric, *two, settings) for two in _both(answered, metric)]
        pairs += _with_verdicts(tested, settings)
    pairs += [
        _unanswered(settings.primary, *two)
        for two in _both(recipes, settings.primary)
        if unanswered and not all(map(recipe_answerable, two))
    ]
    if settings.mcnemar:
        pairs = [_with_mcnemar(pair, judged) for pair in pairs]
    return tuple(pairs)


def two_by_two(
    judged: Mapping[str, ModelEvaluation],
) -> list[tuple[ModelEvaluation, ModelEvaluation]]:
    """All pairs of models, baselines second."""
    ordered = sorted(judged.values(), key=lambda model: model.name in BASELINES)
    return list(combinations(ordered, 2))


def ensembles_of(judged: Mapping[str, ModelEvaluation]) -> list[str]:
    """The names of the models that are derived."""
    return [model.name for model in judged.values() if model.ensemble]


def _both(
    twos: list[tuple[ModelEvaluation, ModelEvaluation]], metric: str
) -> list[tuple[ModelEvaluation, ModelEvaluation]]:
    """The pairs of which both models have the metric: a binary model has none of the scores."""
    return [two for two in twos if all(metric in model.estimates for model in two)]


def _with_verdicts(
    tested: list[Tested], settings: ScoreSettings, ensembles: Collection[str] = ()
) -> list[Pair]:
    """Holm within each family, then the verdicts."""
    families: list[Family] = [family_of(t.names, ensembles) for t in tested]
    adjusted = within_families(families, [t.p_value for t in tested])
    equivalent = within_families(families, [t.p_equivalent for t in tested])
    return [
        _pair(t, float(p), float(q), family, families.count(family), settings)
        for t, family, p, q in zip(tested, families, adjusted, equivalent, strict=True)
    ]


def family_of(names: tuple[str, str], ensembles: Collection[str] = ()) -> Family:
    """The family a pair is corrected in: baselines cost the networks' comparison no power.

    Neither do ensembles, which are made of the networks and may be added afterwards.
    """
    baselines = sum(name in BASELINES for name in names)
    derived = any(name in ensembles for name in names)
    return OF_ENSEMBLES[baselines] if derived else FAMILIES[baselines]


def within_families(families: Sequence[str], p_values: list[float]) -> Floats:
    """Holm's adjusted p-values, each within its own family."""
    adjusted, of_all = np.full(len(p_values), np.nan), np.array(p_values)
    for family in set(families):
        members = [place for place, other in enumerate(families) if other == family]
        adjusted[members] = holm(of_all[members])
    return adjusted


def _pair(
    t: Tested,
    p_adjusted: float,
    q_adjusted: float,
    family: Family,
    pairs: int,
    settings: ScoreSettings,
) -> Pair:
    d, alpha = t.difference, 1 - settings.confidence
    target = max(abs(d.value), settings.margin)
    needed = _needed(t, target, alpha / pairs)
    basis = VerdictBasis(
        *t.names,
        gain=d.value if METRICS[t.metric].higher_is_better else -d.value,
        p_adjusted=p_adjusted,
        p_equivalent=q_adjusted,
        margin=settings.margin,
        alpha=alpha,
        needed=needed,
        target=target,
        known=d.a.sample.known,
    )
    return Pair(
        metric=t.metric,
        question=t.question,
        model_a=t.names[0],
        model_b=t.names[1],
        difference=known(d.value),
        low=known(t.interval.low),
        high=known(t.interval.high),
        p_value=known(t.p_value),
        p_adjusted=known(p_adjusted),
        verdict=in_words(basis),
        decision=decide(basis),
        method=t.method,
        margin=settings.margin if t.metric == settings.primary else None,
        p_equivalent=known(t.p_equivalent),
        p_equivalent_adjusted=known(q_adjusted),
        groups=d.a.sample.n_groups,
        family=family,
        se_slides=known(float(np.sqrt(t.spread.slides))),
        se_seeds_a=known(float(np.sqrt(t.spread.seeds_a))),
        se_seeds_b=known(float(np.sqrt(t.spread.seeds_b))),
        df=known(t.spread.df),
        needed_low=known(needed.low) if needed else None,
        needed_high=known(needed.high) if needed else None,
        needed_for=known(target) if needed else None,
    )


def _needed(t: Tested, target: float, alpha: float) -> Needed | None:
    """The slides needed; None where too few say, beside a baseline, or this study refutes it."""
    groups = t.difference.a.sample.n_groups
    few = groups < FEW_GROUPS or t.names[1] in BASELINES
    if few or not t.spread.defined or not t.spread.slides > 0 or not np.isfinite(target):
        return None
    if groups_needed(target, t.spread, groups, alpha) <= groups:
        return None
    low, high = needed_range(target, t.spread, groups, alpha)
    if t.question == "recipe" and np.isfinite(low) and _fewest_seeds(t) < SEEDS_FOR_RANGE:
        return None
    return Needed(max(low, float(groups)), high)


def _fewest_seeds(t: Tested) -> int:
    return min(len(t.difference.a.values), len(t.difference.b.values))


def _unanswered(metric: str, a: ModelEvaluation, b: ModelEvaluation) -> Pair:
    seeds = [len(model.panel.answers.seeds) for model in (a, b)]
    return Pair(
        metric=metric,
        question="recipe",
        model_a=a.name,
        model_b=b.name,
        difference=known(a.estimates[metric].value - b.estimates[metric].value),
        verdict=f"cannot be answered: at least {MINIMUM_SEEDS} seeds of each recipe are needed, "
        f"there are {seeds[0]} and {seeds[1]}",
        decision="unanswered",
        method="none",
        groups=a.panel.sample.n_groups,
        family=family_of((a.name, b.name)),
    )


def _with_mcnemar(pair: Pair, judged: Mapping[str, ModelEvaluation]) -> Pair:
    """Add McNemar's test, on the calls of each model's first seed, to the pair on accuracy."""
    if (pair.metric, pair.question) != ("accuracy", "weights"):
        return pair
    a, b = (judged[name].panel for name in (pair.model_a, pair.model_b))
    right = [panel.answers.calls[0] == panel.sample.targets for panel in (a, b)]
    only_a, only_b, p_value = mcnemar(*right)
    return replace(
        pair,
        mcnemar_only_a_right=only_a,
        mcnemar_only_b_right=only_b,
        mcnemar_p_value=p_value,
    )

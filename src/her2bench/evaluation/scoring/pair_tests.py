"""One metric, two models, one question: difference, interval and p-values, before correction."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from her2bench.core.scores import Question
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.metric_intervals import (
    BOOTSTRAP_SLIDES,
    MINIMUM_SEEDS,
    least_slides,
)
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    ModelPredictions,
    by_fold,
    codes,
)
from her2bench.evaluation.statistics.differences import (
    Difference,
    Spread,
    difference_interval,
    difference_test,
    equivalence_test,
    recipe_spread,
    weights_spread,
)
from her2bench.evaluation.statistics.estimates import whole_slides
from her2bench.evaluation.statistics.intervals import (
    NONE,
    Interval,
    biased,
    percentile,
    percentile_p_value,
)
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.permutation import sign_flip_p_value, slide_contributions


@dataclass(frozen=True)
class Tested:
    """A pair before Holm's correction."""

    metric: str
    question: Question
    names: tuple[str, str]
    difference: Difference
    spread: Spread
    interval: Interval
    p_value: float
    p_equivalent: float
    method: str


def compare_weights(
    metric: str, a: ModelEvaluation, b: ModelEvaluation, settings: ScoreSettings
) -> Tested:
    d = _difference(metric, a, b)
    spread = weights_spread(d)
    unit = d.a.sample.unit
    if METRICS[metric].interval == "obuchowski":
        interval, p = (
            difference_interval(d, spread, settings.confidence),
            difference_test(d, spread),
        )
        method = f"paired Obuchowski, MOVER on logit t and plain t, {unit}"
    else:
        rng = np.random.default_rng(settings.seed)
        parts = slide_contributions(d, a.panel.answers, b.panel.answers)
        flipped = sign_flip_p_value(parts, settings.flips, rng)
        interval, p, method = _resampled(metric, a, b, d, settings.confidence)
        interval, p = agreeing(interval, p, flipped, d.df, settings.confidence)
        method = f"{method}; sign-flip permutation, {unit}"
    return _tested(metric, "weights", a, b, d, spread, interval, p, method, settings)


def compare_recipes(
    metric: str, a: ModelEvaluation, b: ModelEvaluation, settings: ScoreSettings
) -> Tested:
    d = _difference(metric, a, b)
    spread = recipe_spread(d, _deterministic(a), _deterministic(b))
    interval, p = difference_interval(d, spread, settings.confidence), difference_test(d, spread)
    method = (
        "Obuchowski-Rockette, seeds as readers nested in tests, MOVER on t and plain t; standard "
        f"errors: slides {np.sqrt(spread.slides):.2g}, seeds {np.sqrt(spread.seeds_a):.2g} and "
        f"{np.sqrt(spread.seeds_b):.2g}; df {spread.df:.1f}"
    )
    return _tested(metric, "recipe", a, b, d, spread, interval, p, method, settings)


def _tested(
    metric: str,
    question: Question,
    a: ModelEvaluation,
    b: ModelEvaluation,
    d: Difference,
    spread: Spread,
    interval: Interval,
    p_value: float,
    method: str,
    settings: ScoreSettings,
) -> Tested:
    primary = metric == settings.primary
    equivalent = equivalence_test(d, spread, settings.margin) if primary else float("nan")
    names = (a.name, b.name)
    reach = METRICS[metric].most - METRICS[metric].least  # no true difference is larger
    interval = Interval(max(interval.low, -reach), min(interval.high, reach))
    return Tested(metric, question, names, d, spread, interval, p_value, equivalent, method)


def _difference(metric: str, a: ModelEvaluation, b: ModelEvaluation) -> Difference:
    one, other = a.estimates[metric], b.estimates[metric]
    same = one.value == other.value and same_answers(metric, a.panel.answers, b.panel.answers)
    return Difference(one, other, same)


def same_answers(metric: str, a: ModelPredictions, b: ModelPredictions) -> bool:
    """Whether all seeds of both give every tile the same answer, as the metric sees it."""
    first, *others = (seen for answers in (a, b) for seen in _seen(metric, answers))
    return all(bool((first == other).all()) for other in others)


def _seen(metric: str, answers: ModelPredictions) -> Iterator[Floats | Ints | Bools]:
    """What a metric sees of each seed's answers: calls, ranks within folds, scores, all."""
    sees = METRICS[metric].sees
    if sees in ("scores", "distributions"):
        assert answers.distributions is not None
        yield from answers.scores if sees == "scores" else answers.distributions
        return
    for logits, probabilities, calls, folds in answers.by_seed:
        if sees == "calls":
            yield calls
        elif sees == "probabilities":
            yield probabilities
        elif sees == "ranks":
            ranks = np.empty(len(logits), dtype=np.int64)
            for fold, rows in enumerate(by_fold(folds)):
                ranks[rows] = codes(logits[rows]) + fold * len(logits)
            yield ranks
        else:
            yield np.stack([logits, probabilities, calls.astype(np.float64)])


def _resampled(
    metric: str, a: ModelEvaluation, b: ModelEvaluation, d: Difference, confidence: float
) -> tuple[Interval, float, str]:
    """The difference's interval by bootstrap, the p-value at which it just holds 0, the method."""
    slides = min(whole_slides(d.a), whole_slides(d.b))
    if np.isnan(d.value):
        return NONE, float("nan"), "undefined"
    if slides < least_slides(metric):
        return NONE, 0.0, f"no interval: fewer than {least_slides(metric)} slides"
    if metric not in a.replicates or metric not in b.replicates or slides < BOOTSTRAP_SLIDES:
        return *_linearised(d, confidence), "linearised t"
    replicates = a.replicates[metric] - b.replicates[metric]
    defined = replicates[np.isfinite(replicates)]
    if not len(defined) or (not d.identical and defined.max() == defined.min()):
        # Two perfect models: resampling cannot show what new slides may.
        return *_linearised(d, confidence), "MOVER"
    method = f"paired bootstrap of {len(replicates)}"
    p = percentile_p_value(d.value, defined, d.widening, d.df)
    if METRICS[metric].noise:
        limits = METRICS[metric].most - METRICS[metric].least
        interval = biased(d.value, replicates, d.widening, d.df, confidence, (-limits, limits))
    else:
        interval = percentile(replicates, d.widening, d.df, confidence)
    return interval, p, method


def _linearised(d: Difference, confidence: float) -> tuple[Interval, float]:
    spread = weights_spread(d)
    interval = difference_interval(d, spread, confidence)
    if not d.identical and interval.low == interval.high:  # no variance says nothing of new slides
        interval = NONE
    return interval, difference_test(d, spread)


def agreeing(
    interval: Interval, p: float, flipped: float, df: float, confidence: float
) -> tuple[Interval, float]:
    """Interval and p-value that agree: a difference is shown only where both methods show it.

    Args:
        interval, p: by resampling.
        flipped: the p-value of the sign flips; NaN where there is none.
        df: degrees of freedom of the variance between slides.
        confidence: of the interval.
    """
    if df < 1:  # a single slide (of a class): nothing is known of the spread
        return NONE, float("nan")
    alpha, larger = 1 - confidence, float(np.fmax(p, flipped))
    if np.isnan(interval.low):
        return interval, larger
    if interval.low <= 0 <= interval.high:
        return interval, max(larger, alpha)
    if larger < alpha:
        return interval, larger
    return Interval(min(interval.low, 0.0), max(interval.high, 0.0)), larger


def _deterministic(model: ModelEvaluation) -> bool:
    """Whether retraining gives the same model, as it does for the baselines."""
    return model.name in BASELINES and len(model.panel.answers.seeds) == 1


def recipe_answerable(model: ModelEvaluation) -> bool:
    return _deterministic(model) or len(model.panel.answers.seeds) >= MINIMUM_SEEDS

"""How often intervals cover and verdicts are wrong, over many simulated studies."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.tables import Rates
from benchmarks.two_level import TwoLevel, independent
from her2bench.evaluation.scoring.metric_intervals import (
    auc_interval,
    interval_of,
    proportion_interval,
)
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.pair_tests import compare_weights
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import (
    Floats,
    LabelledTiles,
    ModelPredictions,
    SeedPredictions,
)
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap
from her2bench.evaluation.statistics.estimates import Estimate, estimate
from her2bench.evaluation.statistics.intervals import Interval
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.evaluation.statistics.multiplicity import holm

BINS = 15
RESAMPLED = tuple(name for name in names_of("binary") if METRICS[name].resampled)
CONFIDENCE = 0.95
VERDICT = ScoreSettings(bootstrap=0)
NOT_PRIMARY = ScoreSettings(bootstrap=0, primary="accuracy")  # saves the test of equivalence


def rates(study: TwoLevel, repeats: int, rng: np.random.Generator) -> Rates:
    """Coverage of the intervals and rates of the verdicts, ours and naive, for one study.

    The naive verdicts are left out where the models differ.
    """
    hits: Counter[str] = Counter()
    truth = study.sensitivity
    for _ in range(repeats):
        sample, answers = study.draw(rng)
        for who in ("ours", "naive") if study.gap == 0 else ("ours",):
            seen = sample if who == "ours" else independent(sample)
            guesses = [estimate("roc_auc", seen, each, BINS) for each in answers]
            if study.seeds == 1:
                hits[f"roc_auc {who}"] += covered(auc_interval(guesses[1], CONFIDENCE), study.auc)
                for metric in ("sensitivity", "specificity"):
                    interval = proportion_interval(
                        estimate(metric, seen, answers[1], BINS), CONFIDENCE
                    )
                    hits[f"{metric} {who}"] += covered(interval, truth)
            judged = as_judged(seen, answers, [{"roc_auc": guess} for guess in guesses])
            (_count_naive if who == "naive" else _count_verdicts)(hits, judged)
            if study.seeds > 1 and study.gap == 0:
                hits["recipe naive"] += _over_seeds(guesses)
    return {name: count / repeats for name, count in hits.items()}


def _count_verdicts(hits: Counter[str], judged: dict[str, ModelEvaluation]) -> None:
    """How often any pair gets a winner, and how often the first pair is called equivalent."""
    pairs = compare_all(judged, VERDICT, ("roc_auc",))
    for question in ("weights", "recipe"):
        decisions = [pair.decision for pair in pairs if pair.question == question]
        hits[f"{question} ours"] += any(decision in ("a", "b") for decision in decisions)
        hits[f"{question} ours equivalent"] += decisions[0] == "equivalent"


def _count_naive(hits: Counter[str], judged: dict[str, ModelEvaluation]) -> None:
    pairs = combinations(judged.values(), 2)
    p_values = [compare_weights("roc_auc", *pair, NOT_PRIMARY).p_value for pair in pairs]
    hits["weights naive"] += bool((holm(np.array(p_values)) < 1 - CONFIDENCE).any())


def as_judged(
    sample: LabelledTiles,
    answers: list[ModelPredictions],
    guesses: list[dict[str, Estimate]],
    replicates: list[dict[str, Floats]] | None = None,
) -> dict[str, ModelEvaluation]:
    """Models as `compare_all` takes them."""
    drawn = replicates or [{} for _ in answers]
    return {
        each.model: ModelEvaluation(
            each.model, Panel(sample, each, pl.Series([]), pl.DataFrame()), guess, values
        )
        for each, guess, values in zip(answers, guesses, drawn, strict=True)
    }


def _over_seeds(guesses: list[Estimate]) -> bool:
    """The usual comparison of recipes: Welch's t test over the seeds' AUCs on the same slides."""
    a, b = (guess.values for guess in guesses[:2])
    return bool(stats.ttest_ind(a, b, equal_var=False).pvalue < 1 - CONFIDENCE)


def covered(interval: Interval, truth: float) -> bool:
    return bool(interval.low <= truth <= interval.high)


def rest_rates(study: TwoLevel, repeats: int, rng: np.random.Generator) -> Rates:
    """Coverage of the bootstrap intervals, and false positives of the permutation test."""
    big, (answers, *_) = replace(study, groups=20_000, models=1).draw(rng)
    parts = answers.logits[0], answers.probabilities[0], answers.calls[0]
    drawn = SeedPredictions(big.targets, *parts, BINS)
    truths = {name: METRICS[name].of(drawn) for name in RESAMPLED}
    settings = ScoreSettings(bootstrap=500, flips=999, primary="accuracy")
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, models = study.draw(rng)
        resamplers = [Resampler(sample, each, RESAMPLED, BINS) for each in models]
        replicates = bootstrap(resamplers, sample, settings.bootstrap, rng)
        guesses = [
            {name: estimate(name, sample, each, BINS) for name in RESAMPLED} for each in models
        ]
        judged = as_judged(sample, models, guesses, replicates)
        first = judged["model 0"]
        for name, guess in first.estimates.items():
            interval, _ = interval_of(guess, first.replicates[name], settings)
            hits[f"{name} covers"] += covered(interval, truths[name])
        for pair in compare_all(judged, settings, RESAMPLED):
            if pair.question == "weights":
                hits[f"{pair.metric} wrong"] += pair.decision in ("a", "b")
                hits[f"{pair.metric} difference covers"] += _around_zero(pair.low, pair.high)
    return {name: count / repeats for name, count in hits.items()}


def _around_zero(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low <= 0 <= high

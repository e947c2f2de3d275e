"""How often intervals cover and verdicts are wrong, over many simulated studies."""

from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.two_level import TwoLevel, independent
from her2bench.evaluation.bootstrap import Resampler, bootstrap
from her2bench.evaluation.estimates import Estimate, estimate
from her2bench.evaluation.intervals import Interval
from her2bench.evaluation.judged import RESAMPLED, Judged
from her2bench.evaluation.metrics import influence
from her2bench.evaluation.pairs import compare_all
from her2bench.evaluation.panels import Panel
from her2bench.evaluation.row_intervals import auc_interval, interval_of, proportion_interval
from her2bench.evaluation.samples import Answers, Sample
from her2bench.evaluation.settings import ScoreSettings

BINS = 15
CONFIDENCE = 0.95
VERDICT = ScoreSettings(bootstrap=0)
Rates = dict[str, float]


def rates(study: TwoLevel, repeats: int, seed: int) -> Rates:
    """Coverage of the intervals and rates of the verdicts, ours and naive, for one study."""
    rng = np.random.default_rng(seed)
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, answers = study.draw(rng)
        alone = independent(sample)
        _count_intervals(hits, study, sample, answers[1], "ours")
        _count_intervals(hits, study, alone, answers[1], "naive")
        _count_verdicts(hits, sample, answers, "ours")
        _count_verdicts(hits, alone, answers, "naive")
        if study.seeds > 1:
            hits["recipe naive"] += _over_seeds(sample, answers)
    return {name: count / repeats for name, count in hits.items()}


def _count_intervals(
    hits: Counter[str], study: TwoLevel, sample: Sample, answers: Answers, who: str
) -> None:
    if study.seeds > 1:
        return
    truths = {
        "roc_auc": study.auc,
        "sensitivity": study.sensitivity,
        "specificity": study.sensitivity,
    }
    for metric, truth in truths.items():
        guess = estimate(metric, sample, answers, BINS)
        make = auc_interval if metric == "roc_auc" else proportion_interval
        hits[f"{metric} {who}"] += _covers(make(guess, CONFIDENCE), truth)


def _count_verdicts(hits: Counter[str], sample: Sample, answers: list[Answers], who: str) -> None:
    """How often any pair gets a winner, and how often the first pair is called equivalent."""
    judged = {
        each.model: Judged(each.model, _panel(sample, each), {"roc_auc": _auc(sample, each)}, {})
        for each in answers
    }
    pairs = compare_all(judged, VERDICT, ("roc_auc",))
    for question in ("weights", "recipe") if who == "ours" else ("weights",):
        decisions = [pair.decision for pair in pairs if pair.question == question]
        hits[f"{question} {who}"] += any(decision in ("a", "b") for decision in decisions)
        hits[f"{question} {who} equivalent"] += decisions[0] == "equivalent"


def _auc(sample: Sample, answers: Answers) -> Estimate:
    return estimate("roc_auc", sample, answers, BINS)


def _panel(sample: Sample, answers: Answers) -> Panel:
    return Panel(sample, answers, pl.Series([]), pl.DataFrame())


def _over_seeds(sample: Sample, answers: list[Answers]) -> bool:
    """The usual comparison of recipes: Welch's t test over the seeds' AUCs on the same slides."""
    a, b = (_auc(sample, each).values for each in answers[:2])
    return bool(stats.ttest_ind(a, b, equal_var=False).pvalue < 1 - CONFIDENCE)


def _covers(interval: Interval, truth: float) -> bool:
    return bool(interval.low <= truth <= interval.high)


def rest_rates(study: TwoLevel, repeats: int, seed: int) -> Rates:
    """Coverage of the bootstrap intervals, and false positives of the permutation test."""
    rng = np.random.default_rng(seed)
    big, (answers, *_) = replace(study, groups=20_000, models=1).draw(rng)
    parts = answers.logits[0], answers.probabilities[0], answers.calls[0]
    truths = {name: influence(name, big.targets, *parts, BINS)[0] for name in RESAMPLED}
    settings = ScoreSettings(bootstrap=500, flips=999, primary="accuracy")
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, models = study.draw(rng)
        resamplers = [Resampler(sample, each, RESAMPLED, BINS) for each in models]
        replicates = bootstrap(resamplers, sample, settings.bootstrap, rng)
        judged = {}
        for each, drawn in zip(models, replicates, strict=True):
            guesses = {name: estimate(name, sample, each, BINS) for name in RESAMPLED}
            judged[each.model] = Judged(each.model, _panel(sample, each), guesses, drawn)
        first = judged["model 0"]
        for name, guess in first.estimates.items():
            interval, _ = interval_of(guess, first.replicates[name], settings)
            hits[f"{name} covers"] += _covers(interval, truths[name])
        for pair in compare_all(judged, settings, RESAMPLED):
            if pair.question == "weights":
                hits[f"{pair.metric} wrong"] += pair.decision in ("a", "b")
                hits[f"{pair.metric} difference covers"] += _around_zero(pair.low, pair.high)
    return {name: count / repeats for name, count in hits.items()}


def _around_zero(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low <= 0 <= high

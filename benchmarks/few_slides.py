"""Tables on what rests on few slides: calibration error, metrics at a threshold, slides needed."""

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from benchmarks.placed import Placed, log_ratio, power_for
from benchmarks.rates import RESAMPLED, as_judged, covered
from benchmarks.tables import ANY, Rates, Tables
from her2bench.core.scores import Pair, Question
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions, SeedPredictions
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS

REPLICATES = 500
ALL_BUT_CALIBRATION = tuple(name for name in RESAMPLED if name != "calibration_error")
ONE = Placed(models=1)
MOST_SLIDES = 5000  # of a second study


class Binned(NamedTuple):
    """A study of one model whose calibration error is known, and the bins to see it with."""

    study: Placed
    bins: int
    error: float


def calibration_rates(cell: Binned, repeats: int, rng: np.random.Generator) -> Rates:
    """How often the interval of the calibration error covers, and how wide it is."""
    metric, covers, width = "calibration_error", 0, 0.0
    for _ in range(repeats):
        sample, (answers,), _ = cell.study.draw(rng)
        low, high = _interval(metric, sample, answers, cell.bins, rng)
        covers += bool(low <= cell.error <= high)
        width += high - low
    return {"covers": covers / repeats, "width": width / repeats}


def _interval(
    metric: str,
    sample: LabelledTiles,
    answers: ModelPredictions,
    bins: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    resampler = Resampler(sample, answers, (metric,), bins)
    replicates = bootstrap([resampler], sample, REPLICATES, rng)[0][metric]
    settings = ScoreSettings(bootstrap=REPLICATES, bins=bins)
    return interval_of(estimate(metric, sample, answers, bins), replicates, settings)[0]


@cache
def shift_for(error: float, prevalence: float, auc: float) -> float:
    """What to add to all logits of a calibrated model for a calibration error.

    All probabilities are then too high, so that the error is the same in any number of bins.
    """
    k = power_for(auc, 0.0, "lognormal", False, 19)
    log_u = np.log((np.arange(20_000) + 0.5) / 20_000)
    positive, negative = (
        special.logit(prevalence) + log_ratio(v, k, False) for v in (log_u / k, log_u)
    )

    def beyond(shift: float) -> float:
        moved = [
            (special.expit(each + shift) - special.expit(each)).mean()
            for each in (positive, negative)
        ]
        return float(prevalence * moved[0] + (1 - prevalence) * moved[1]) - error

    return float(optimize.root_scalar(beyond, bracket=(0, 20)).root)


def calibration_table(tables: Tables) -> None:
    """The calibration error's interval at several true errors."""
    studies = [replace(ONE, slides=n, mixed=mixed) for n in (20, 51) for mixed in (True, False)]
    names = [f"{s.slides} slides, {'both classes' if s.mixed else 'one class'}" for s in studies]
    tables.head(
        "**Calibration error.** The interval covers (%) · its mean width. The goal is 93% or more.",
        ["true error", "bins", *names],
    )
    started = {
        (error, bins): [
            tables.start(
                calibration_rates,
                Binned(replace(s, shift=shift_for(error, s.prevalence, s.auc)), bins, error),
            )
            for s in studies
        ]
        for error in (0.0, 0.02, 0.05, 0.17)
        for bins in (5, 15)
    }
    for (error, bins), cells in started.items():
        got = [tables.rates(cell) for cell in cells]
        texts = [f"{tables.cell(r['covers'], (0.93, 1.0))} · {r['width']:.2f}" for r in got]
        tables.row([f"{error:g}", str(bins), *texts])


def few_rates(study: Placed, repeats: int, rng: np.random.Generator) -> Rates:
    """How often each metric has an interval, and how often that covers."""
    count = np.array(study.of_class)
    big, (answers,), _ = replace(study, of_class=tuple(count * (20_000 // count.sum()))).draw(rng)
    parts = answers.logits[0], answers.probabilities[0], answers.calls[0]
    drawn = SeedPredictions(big.targets, *parts)
    truths = {name: METRICS[name].of(drawn) for name in ALL_BUT_CALIBRATION}
    settings = ScoreSettings(bootstrap=REPLICATES)
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, (answers,), _ = study.draw(rng)
        resampler = Resampler(sample, answers, ALL_BUT_CALIBRATION, settings.bins)
        replicates = bootstrap([resampler], sample, REPLICATES, rng)[0]
        for name, truth in truths.items():
            guess = estimate(name, sample, answers, settings.bins)
            interval, _ = interval_of(guess, replicates[name], settings)
            hits[f"{name} given"] += not np.isnan(interval.low)
            hits[f"{name} covers"] += covered(interval, truth)
    return {name: count / repeats for name, count in hits.items()}


def few_slides_table(tables: Tables) -> None:
    """The metrics besides ROC-AUC with few slides of a class."""
    sides = [(k, k) for k in (3, 5, 8, 10, 20)] + [(k, 9 * k) for k in (3, 5, 8)]
    tables.head(
        "**Few slides of one class each**, positive + negative. The interval covers (%), where "
        "there is one; in brackets the share of studies in which there is one, if not all. From "
        "5 slides of each class on the goal is 93% and more.",
        ["metric", *(f"{a} + {b}" for a, b in sides)],
    )
    studies = [
        replace(ONE, mixed=False, of_class=side, prevalence=side[0] / sum(side)) for side in sides
    ]
    started = [tables.start(few_rates, study) for study in studies]
    got = [tables.rates(cell) for cell in started]
    for metric in ALL_BUT_CALIBRATION:
        cells = []
        for (fewer, _), rates in zip(sides, got, strict=True):
            given, goal = rates[f"{metric} given"], (0.93, 1.0) if fewer >= 5 else ANY
            part = f" ({100 * given:.0f})" if given < 0.9995 else ""
            covers = tables.cell(rates[f"{metric} covers"] / given, goal) if given else "none"
            cells.append(covers + (part if given else ""))
        tables.row([METRICS[metric].label, *cells])


class Asked(NamedTuple):
    """A first study, and the question whose number of slides it prints."""

    study: Placed
    question: Question


def needed_rates(cell: Asked, repeats: int, rng: np.random.Generator) -> Rates:
    """How often a second study shows a difference, with the first's middle number of slides.

    The second's true difference is the one that the first names slides for.
    """
    hits: Counter[str] = Counter()
    middles = []
    for _ in range(repeats):
        pair = _compared(cell.study, cell.question, rng)
        hits["range"] += pair.needed_low is not None
        if pair.needed_low is None or pair.needed_high is None or pair.needed_for is None:
            continue
        middle = round(np.sqrt(pair.needed_low * pair.needed_high))
        if middle > MOST_SLIDES or pair.needed_for > 0.15:
            continue
        middles.append(middle)
        again = replace(cell.study, slides=middle, gap=pair.needed_for)
        hits["seen"] += _compared(again, cell.question, rng).decision == "a"
    done = len(middles)
    power = hits["seen"] / done if done else float("nan")
    middle = float(np.median(middles)) if middles else float("nan")
    return {"range": hits["range"] / repeats, "done": done / repeats} | {
        "power": power,
        "middle": middle,
    }


def _compared(study: Placed, question: Question, rng: np.random.Generator) -> Pair:
    settings = ScoreSettings(bootstrap=0)
    sample, answers, _ = study.draw(rng)
    guesses = [{"roc_auc": estimate("roc_auc", sample, each, settings.bins)} for each in answers]
    pairs = compare_all(as_judged(sample, answers, guesses), settings, ("roc_auc",))
    return next(pair for pair in pairs if pair.question == question)


def needed_table(tables: Tables) -> None:
    """The power of the number of slides that a verdict prints."""
    tables.head(
        "**Slides needed.** A first study prints a range of slides; a second one has the number in "
        "its (geometric) middle and the true difference that the range is for (% of studies). The "
        f"goal is 75 to 85%. Not simulated: ranges without an end and middles above {MOST_SLIDES}. "
        "True difference of the first study: 0.03.",
        ["first study", "question", "prints a range", "simulated", "median of middles", "power"],
    )
    base = Placed(gap=0.03, tiles=10)
    trained = replace(base, seed_sd=(0.02, 0.02))
    cells = [Asked(replace(base, slides=n), "weights") for n in (30, 51, 100)]
    cells += [Asked(replace(trained, seeds=seeds), "recipe") for seeds in (10, 20)]
    for cell, started in [(cell, tables.start(needed_rates, cell)) for cell in cells]:
        got, seeds = tables.rates(started), cell.study.seeds
        names = [f"{cell.study.slides} slides" + (f", {seeds} seeds" if seeds > 1 else "")]
        names += [f"these {cell.question}" if seeds == 1 else "this recipe"]
        shares = [tables.cell(got["range"]), tables.cell(got["done"]), f"{got['middle']:.0f}"]
        tables.row([*names, *shares, tables.cell(got["power"], (0.75, 0.85))])

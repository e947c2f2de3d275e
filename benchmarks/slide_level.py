"""Tables at slide level: tiles put together to slides, which are then independent units.

The truth is that of 20,000 slides. Naive is what is usually done: DeLong's variance on the plain
scale with the normal quantile; for the sensitivity at a specificity the threshold that is chosen on
the very slides is taken as fixed beforehand (Wilson, McNemar); for that at a frozen threshold
Wald's interval.
"""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
from scipy import stats

from benchmarks.rates import BINS, as_judged, covered
from benchmarks.tables import COVERS, Rates, Tables, Target
from benchmarks.two_level import TwoLevel
from her2bench.evaluation.scoring.metric_intervals import auc_interval, proportion_interval
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.point_rows import point_results
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.aggregation import aggregated
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions, SeedPredictions
from her2bench.evaluation.statistics.estimates import Estimate, estimate
from her2bench.evaluation.statistics.intervals import Interval, wilson
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.multiplicity import mcnemar
from her2bench.evaluation.statistics.roc_points import SENSITIVITY, Point, point_values

SPECIFICITY = 0.9
SETTINGS = ScoreSettings(bootstrap=500, at_specificity=SPECIFICITY)
POINT = Point(SENSITIVITY, SPECIFICITY)
WANTED = {"roc_auc": "ROC-AUC", "point": f"sensitivity at specificity {SPECIFICITY:g}"}
FROZEN = "sensitivity at a frozen threshold"


def slides_of(
    sample: LabelledTiles, answers: list[ModelPredictions]
) -> tuple[LabelledTiles, list[ModelPredictions]]:
    """Each slide's mean probability; predicted positive above 1/2."""
    first = np.unique(sample.groups, return_index=True)[1]
    slides = LabelledTiles(sample.targets[first], np.arange(sample.n_groups))
    return slides, [_of_slides(sample, each) for each in answers]


def _of_slides(sample: LabelledTiles, each: ModelPredictions) -> ModelPredictions:
    means = np.array([aggregated("mean", p, p > 0.5, sample.groups) for p in each.probabilities])
    logits = np.log(means) - np.log1p(-means)
    return ModelPredictions(each.model, each.seeds, logits, means, means > 0.5)


@cache
def _truth(study: TwoLevel) -> dict[str, float]:
    big = replace(study, groups=20_000, models=1)
    slides, (each,) = slides_of(*big.draw(np.random.default_rng(0)))
    run = SeedPredictions(slides.targets, each.logits[0], each.probabilities[0], each.calls[0])
    point = point_values(slides, each, POINT, np.ones((1, slides.n_groups)))
    truths = {name: METRICS[name].of(run) for name in ("roc_auc", "sensitivity")}
    return truths | {"point": float(point[0, 0])}


def slide_rates(study: TwoLevel, repeats: int, rng: np.random.Generator) -> Rates:
    """Coverage and wrong verdicts of two equal models, ours and naive."""
    truth, hits = _truth(study), Counter[str]()
    for _ in range(repeats):
        slides, answers = slides_of(*study.draw(rng))
        guesses = [estimate("roc_auc", slides, each, BINS) for each in answers]
        judged = as_judged(slides, answers, [{"roc_auc": guess} for guess in guesses])
        rows, pairs = point_results(judged, "test", SETTINGS)
        found = Interval(*(np.nan if end is None else end for end in (rows[1].low, rows[1].high)))
        hits["point given"] += not np.isnan(found.low)
        hits["point ours"] += covered(found, truth["point"])
        frozen = proportion_interval(estimate("sensitivity", slides, answers[1], BINS), 0.95)
        hits["frozen ours"] += covered(frozen, truth["sensitivity"])
        hits["roc_auc ours"] += covered(auc_interval(guesses[1], 0.95), truth["roc_auc"])
        hits["point wrong ours"] += pairs[0].decision in ("a", "b")
        verdict = compare_all(judged, SETTINGS, ("roc_auc",))[0]
        hits["roc_auc wrong ours"] += verdict.decision in ("a", "b")
        _count_naive(hits, slides, answers, guesses, truth)
    return {name: count / repeats for name, count in hits.items()}


def _count_naive(
    hits: Counter[str],
    slides: LabelledTiles,
    answers: list[ModelPredictions],
    guesses: list[Estimate],
    truth: dict[str, float],
) -> None:
    error, z = np.sqrt(_delong(slides, guesses[1].tiles)), stats.norm.ppf(0.975)
    auc = guesses[1].value
    hits["roc_auc naive"] += covered(Interval(auc - z * error, auc + z * error), truth["roc_auc"])
    apart = guesses[0].value - auc
    error = np.sqrt(_delong(slides, guesses[0].tiles - guesses[1].tiles))
    hits["roc_auc wrong naive"] += bool(abs(apart) > z * error)
    calls = [_called(slides, each)[slides.targets] for each in answers]
    interval = wilson(float(calls[1].mean()), len(calls[1]), z)
    hits["point naive"] += covered(interval, truth["point"])
    share = float(answers[1].calls[0][slides.targets].mean())
    half = z * np.sqrt(share * (1 - share) / len(calls[1]))
    hits["frozen naive"] += covered(Interval(share - half, share + half), truth["sensitivity"])
    hits["point wrong naive"] += mcnemar(*calls)[2] < 0.05


def _delong(slides: LabelledTiles, influences: np.ndarray) -> float:
    """DeLong's variance of (n,) influences that sum to 0 over either class."""
    parts = (influences[of] for of in (slides.targets, ~slides.targets))
    return sum(float((part**2).sum()) * len(part) / (len(part) - 1) for part in parts)


def _called(slides: LabelledTiles, each: ModelPredictions) -> np.ndarray:
    """The calls above the threshold that has the specificity on these slides."""
    negatives = np.sort(each.logits[0][~slides.targets])[::-1]
    allowed = int(np.floor((1 - SPECIFICITY) * len(negatives) + 1e-9))
    return each.logits[0] > negatives[allowed]


def slides_table(tables: Tables) -> None:
    """ROC-AUC and sensitivity at a fixed specificity of 51 and of 20 slides."""
    tables.head(
        "**Slides** (the mean of about 19 tiles each). Interval covers (%), and equal models are "
        "called different (%); ours / naive. In brackets: the share of studies with an interval.",
        [
            "slides",
            "share positive",
            "correlation",
            *(f"{label}: {what}" for label in WANTED.values() for what in ("covers", "wrong")),
            f"{FROZEN}: covers",
        ],
    )
    studies = [
        TwoLevel(groups=groups, mixed=False, correlation=r, auc=auc, prevalence=share)
        for groups in (51, 20)
        for share in (0.72, 0.5)
        for r, auc in ((0.3, 0.7), (0.6, 0.75))
    ]
    started = [tables.start(slide_rates, study) for study in studies]
    for study, cell in zip(studies, started, strict=True):
        got = tables.rates(cell)
        cells = [str(study.groups), f"{study.prevalence:g}", f"{study.correlation:g}"]
        for name in WANTED:
            given = got.get("point given", 1.0) if name == "point" else 1.0
            share = got[f"{name} ours"] / given if given else 1.0
            text = f"{tables.cell(share, _goal(study))} / {100 * got[f'{name} naive']:.0f}"
            cells.append(text + (f" ({100 * given:.0f})" if given < 0.9995 else ""))
            wrong = tables.cell(got[f"{name} wrong ours"], (0.0, 0.06))
            cells.append(f"{wrong} / {100 * got[f'{name} wrong naive']:.0f}")
        naive = f" / {100 * got['frozen naive']:.0f}"
        tables.row([*cells, tables.cell(got["frozen ours"], _goal(study)) + naive])


def _goal(study: TwoLevel) -> Target:
    return COVERS if study.groups > 20 else (0.93, 1.0)

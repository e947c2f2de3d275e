"""Tables on subgroups, predictive values at a prevalence, and decision curves."""

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.rates import BINS, covered
from benchmarks.tables import ANY, COVERS_OF_FEW, WRONG, Rates, Tables
from benchmarks.two_level import TwoLevel
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.predictive_rows import predictive_rows
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.subgroups import by_subgroups
from her2bench.evaluation.statistics.arrays import Ints, LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.intervals import Interval
from her2bench.evaluation.statistics.net_benefit import net_benefit
from her2bench.evaluation.statistics.predictive_values import AT, NPV, PPV

METRICS = ("roc_auc", "sensitivity", "specificity", "brier")
SETTINGS = ScoreSettings(bootstrap=0, by=("scanner",), prevalence=0.15)
THRESHOLD = 0.5
RATES = ("sensitivity", "specificity")


class Divided(NamedTuple):
    """A study without any interaction, its slides (or the tiles of each) in subgroups.

    Args:
        study: what is drawn.
        shares: of the slides in each subgroup.
        within: whether it is the tiles of each slide that are divided.
    """

    study: TwoLevel
    shares: tuple[float, ...] = (0.5, 0.5)
    within: bool = False


def interaction_rates(cell: Divided, repeats: int, rng: np.random.Generator) -> Rates:
    """How often any model's value, and any difference, is called dependent on the subgroup."""
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, answers = cell.study.draw(rng)
        table = pl.DataFrame({"scanner": _subgroups(cell, sample, rng)})
        judged = {
            each.model: ModelEvaluation(
                each.model, Panel(sample, each, pl.Series([]), table), {}, {}
            )
            for each in answers
        }
        _, tests, _ = by_subgroups(judged, SETTINGS, METRICS)
        for metric in METRICS:
            mine = [test for test in tests if test.metric == metric]
            for pairs, about in ((False, "value"), (True, "difference")):
                decisions = [t.decision for t in mine if (t.model_b is not None) == pairs]
                hits[f"{metric} {about}"] += "differs" in decisions
    return {name: hits[name] / repeats for name in hits}


def _subgroups(cell: Divided, sample: LabelledTiles, rng: np.random.Generator) -> Ints:
    """(n,) the subgroup of each tile; each has its share of the slides, to one slide."""
    ends = np.cumsum(cell.shares)
    number = len(sample.targets) if cell.within else sample.n_groups
    place = (rng.permutation(number) + 0.5) / number
    drawn = np.searchsorted(ends, place)
    return drawn if cell.within else drawn[sample.groups]


def interactions_table(tables: Tables) -> None:
    """Studies without an interaction: how often one is found."""
    tables.head(
        "**Subgroups** (correlation 0.3, slides of both classes and two models unless said; the "
        "models are as good in every subgroup). Any value, and any difference of two models, is "
        "called dependent on the subgroup (%).",
        ["study", *(f"{m.replace('_', ' ')}: value · difference" for m in METRICS)],
    )
    usual = TwoLevel(models=3)
    studies = {
        "51 slides, halves": Divided(usual),
        "51 slides, thirds": Divided(usual, (1 / 3, 1 / 3, 1 / 3)),
        "51 slides, 80% and 20%": Divided(usual, (0.8, 0.2)),
        "51 slides, halves, a slide holds one class": Divided(replace(usual, mixed=False)),
        "51 slides, halves, AUC 0.95": Divided(replace(usual, auc=0.95)),
        "51 slides, halves, unlike models (correlation 0.5 and 0)": Divided(
            TwoLevel(correlation=0.5, other=0.0)
        ),
        "51 slides, halves, one model better by 0.1": Divided(TwoLevel(gap=0.1)),
        "20 slides, halves": Divided(replace(usual, groups=20)),
        "51 slides, each in both halves": Divided(usual, within=True),
        "20 slides, each in both halves": Divided(replace(usual, groups=20), within=True),
    }
    started = {name: tables.start(interaction_rates, cell) for name, cell in studies.items()}
    for name, cell in started.items():
        got = tables.rates(cell)
        cells = [
            " · ".join(tables.cell(got[f"{metric} {about}"], WRONG) for about in _ABOUT)
            for metric in METRICS
        ]
        tables.row([name, *cells])


_ABOUT = ("value", "difference")


def prevalence_rates(study: TwoLevel, repeats: int, rng: np.random.Generator) -> Rates:
    """How often the intervals of PPV and NPV, and the band of the decision curve, cover."""
    rate, odds = study.sensitivity, THRESHOLD / (1 - THRESHOLD)
    truth = {kind: at(rate, rate, 0.15) for kind, at in AT.items()}
    share = study.prevalence
    benefit = share * rate - (1 - share) * (1 - rate) * odds
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, (answers, *_) = study.draw(rng)
        judged = {answers.model: _with_rates(sample, answers)}
        for row in predictive_rows(judged, "test", SETTINGS):
            low, high = (np.nan if end is None else end for end in (row.low, row.high))
            kind = row.metric.rpartition("_")[0]
            hits[kind] += covered(Interval(low, high), truth[kind])
        curve = net_benefit(
            sample,
            answers.probabilities,
            None,
            np.array([THRESHOLD]),
            400,
            int(rng.integers(10**9)),
        )
        hits["net benefit"] += covered(Interval(curve.low[0], curve.high[0]), benefit)
    return {name: hits[name] / repeats for name in (PPV, NPV, "net benefit")}


def _with_rates(sample: LabelledTiles, answers: ModelPredictions) -> ModelEvaluation:
    found = {name: estimate(name, sample, answers, BINS) for name in RATES}
    panel = Panel(sample, answers, pl.Series([]), pl.DataFrame())
    return ModelEvaluation(answers.model, panel, found, {})


def prevalence_table(tables: Tables) -> None:
    """Predictive values at a prevalence of 0.15, and net benefit at a threshold of 0.5."""
    tables.head(
        "**Predictive values at a prevalence of 0.15**, and **net benefit** at a threshold "
        "probability of 0.5 (correlation 0.3): the interval, or the band, covers (%). No target "
        "was set for the band.",
        ["study", "a slide holds", "PPV", "NPV", "net benefit"],
    )
    studies = [
        TwoLevel(groups=groups, mixed=mixed, models=1, auc=auc)
        for auc in (0.8, 0.95)
        for groups in (51, 20)
        for mixed in (True, False)
    ]
    started = {study: tables.start(prevalence_rates, study) for study in studies}
    for study, cell in started.items():
        got = tables.rates(cell)
        kind = "both classes" if study.mixed else "one class"
        cells = [tables.cell(got[name], COVERS_OF_FEW) for name in (PPV, NPV)]
        cells.append(tables.cell(got["net benefit"], ANY))
        tables.row([f"{study.groups} slides, AUC {study.auc:g}", kind, *cells])

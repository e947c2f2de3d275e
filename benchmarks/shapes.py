"""Tables over studies of many odd shapes, simulated by placement (`placed.py`)."""

from collections import Counter
from dataclasses import replace

import numpy as np

from benchmarks.placed import Placed
from benchmarks.rates import as_judged, covered
from benchmarks.tables import COVERS, WRONG, Rates, Tables, covers
from her2bench.evaluation.scoring.metric_intervals import (
    MINIMUM_SEEDS,
    auc_interval,
    recipe_interval,
)
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.estimates import estimate

SETTINGS = ScoreSettings(bootstrap=0)
BASE = Placed()
KINDS = {True: "both classes", False: "one class"}
SHAPES = {
    "plain": BASE,
    "slides' effects of t(3)": replace(BASE, heavy=True),
    "10% of slides wholly wrong": replace(BASE, wrong=0.1),
    "larger slides are harder": replace(BASE, sizes="informative"),
    "Pareto sizes": replace(BASE, sizes="pareto"),
    "one slide with 40% of tiles": replace(BASE, sizes="giant"),
    "10% positive": replace(BASE, prevalence=0.1),
    "five distinct probabilities": replace(BASE, five=True),
    "one model memorises slides": replace(BASE, memorises=True),
    "five models": replace(BASE, models=5),
}


def auc_rates(study: Placed, repeats: int, rng: np.random.Generator) -> Rates:
    """How often the second model's interval covers, and how often any pair gets a winner."""
    hits: Counter[str] = Counter()
    for _ in range(repeats):
        sample, answers, truths = study.draw(rng)
        guesses = [estimate("roc_auc", sample, each, SETTINGS.bins) for each in answers]
        second = guesses[1]
        hits["covers"] += covered(auc_interval(second, SETTINGS.confidence), truths[1])
        if study.seeds >= MINIMUM_SEEDS:
            again = recipe_interval(second, SETTINGS.confidence)
            hits["recipe covers"] += covered(again, study.auc)
        judged = as_judged(sample, answers, [{"roc_auc": guess} for guess in guesses])
        pairs = compare_all(judged, SETTINGS, ("roc_auc",))
        for question in ("weights", "recipe"):
            decisions = [pair.decision for pair in pairs if pair.question == question]
            hits[f"{question} wrong"] += any(decision in ("a", "b") for decision in decisions)
            hits[f"{question} equivalent"] += decisions[0] == "equivalent"
    return {name: count / repeats for name, count in hits.items()}


def shapes_table(tables: Tables) -> None:
    """Every shape at every number of slides."""
    _coverage_table(
        tables,
        "**Shapes.** ROC-AUC 0.8; 14, 20 and 51 slides of about 19 tiles, 200 of about 10. The "
        "interval covers · equal models are called different (%).",
        SHAPES,
        (14, 20, 51, 200),
    )


def high_table(tables: Tables) -> None:
    """ROC-AUCs near 1."""
    heavy = replace(BASE, heavy=True)
    studies = {
        f"{auc:g}{', t(3)' if study.heavy else ''}": replace(study, auc=auc)
        for auc in (0.95, 0.97, 0.99)
        for study in (BASE, heavy)
    }
    _coverage_table(
        tables,
        "**High ROC-AUC.** The interval covers · equal models are called different (%).",
        studies,
        (20, 51, 200),
        "ROC-AUC",
    )


def _coverage_table(
    tables: Tables,
    title: str,
    shapes: dict[str, Placed],
    numbers: tuple[int, ...],
    first: str = "study",
) -> None:
    started = {
        (name, mixed): [
            tables.start(auc_rates, sized(replace(study, mixed=mixed), n)) for n in numbers
        ]
        for name, study in shapes.items()
        for mixed in KINDS
    }
    tables.head(title, [first, "a slide holds", *(f"{n} slides" for n in numbers)])
    for (name, mixed), cells in started.items():
        goals = [{"covers": covers(n), "weights wrong": WRONG} for n in numbers]
        got = [tables.cells(tables.rates(c), g) for c, g in zip(cells, goals, strict=True)]
        tables.row([name, KINDS[mixed], *got])


def folds_table(tables: Tables) -> None:
    """Five folds whose networks' logits are shifted against each other."""
    tables.head(
        "**Cross-validation.** Five folds of whole slides; each fold's logits are shifted by a "
        "normal number with this standard deviation (in those of the logits). The interval of "
        "the second model covers · equal models are called different (%).",
        ["first model's shift", "second model's", *(f"{n}, {k}" for n, k in _sides())],
    )
    goals = {"covers": COVERS, "weights wrong": WRONG}
    started = {
        offsets: [
            tables.start(auc_rates, sized(replace(BASE, offsets=offsets, mixed=mixed), n))
            for n in (51, 200)
            for mixed in KINDS
        ]
        for offsets in ((0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0))
    }
    for offsets, cells in started.items():
        got = [tables.cells(tables.rates(cell), goals) for cell in cells]
        tables.row([*(f"{offset:g}" for offset in offsets), *got])


def seeds_table(tables: Tables) -> None:
    """Recipes of several seeds, alike or one stable and one volatile."""
    alike = replace(BASE, seed_sd=(0.02, 0.02))
    recipes = {
        "alike": alike,
        "one stable, one volatile": replace(BASE, seed_sd=(0.0, 0.05), own=(0.1, 0.9)),
    }
    numbers = (20, 51, 200)
    tables.head(
        "**Seeds** that interact with slides (both classes). *Alike*: ROC-AUCs of either recipe's "
        "seeds have a standard deviation of 0.02, and half of a model's own part is its seed's; "
        "*stable*: 0 and 10%; *volatile*: 0.05 and 90%. The interval of the second's weights "
        "covers · that of its recipe covers · equal recipes are called different (%).",
        ["recipes", "seeds", *(f"{n} slides" for n in numbers)],
    )
    started = {
        (name, seeds): [
            tables.start(auc_rates, sized(replace(study, seeds=seeds), n)) for n in numbers
        ]
        for name, study in recipes.items()
        for seeds in (3, 5, 10)
    }
    for (name, seeds), cells in started.items():
        got = [
            tables.cells(
                tables.rates(cell),
                {"covers": covers(n), "recipe covers": covers(n), "recipe wrong": WRONG},
            )
            for n, cell in zip(numbers, cells, strict=True)
        ]
        tables.row([name, str(seeds), *got])


def margin_table(tables: Tables) -> None:
    """Models exactly the margin apart, which are not equivalent."""
    tables.head(
        "**Equivalence at the margin.** The first model is better by 0.02, the margin: "
        "“equivalent” is wrong (%). *Likeness* is the correlation of the two models.",
        ["ROC-AUC", "likeness", *(f"{n}, {k}" for n, k in _sides())],
    )
    started = {
        (auc, shared): [
            tables.start(
                auc_rates, sized(replace(BASE, auc=auc, gap=0.02, shared=shared, mixed=mixed), n)
            )
            for n in (51, 200)
            for mixed in KINDS
        ]
        for auc in (0.8, 0.95, 0.97)
        for shared in (0.5, 0.95)
    }
    for (auc, shared), cells in started.items():
        got = [tables.cells(tables.rates(cell), {"weights equivalent": WRONG}) for cell in cells]
        tables.row([f"{auc:g}", f"{shared:g}", *got])


def sized(study: Placed, slides: int) -> Placed:
    """With so many slides; 200 of them hold fewer tiles, to save time."""
    return replace(study, slides=slides, tiles=10 if slides >= 200 else 19)


def _sides() -> list[tuple[str, str]]:
    return [(f"{n} slides", kind) for n in (51, 200) for kind in KINDS.values()]

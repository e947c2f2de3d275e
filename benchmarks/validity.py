"""Do the intervals cover, and how often is the verdict wrong? By simulation, naive beside ours.

    python -m benchmarks.validity                        all tables, 1,000 repeats, on one core
    python -m benchmarks.validity --quick --only folds   200 repeats: chance alone misses targets
    python -m benchmarks.validity --repeats 1000 --jobs 2 --write docs/statistics.md

Every number comes from the functions that `her2bench score` calls, and does not depend on the
number of jobs. A rate outside its target carries an exclamation mark, and the exit status is
then 1.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.few_slides import calibration_table, few_slides_table, needed_table
from benchmarks.four_scores import scores_table
from benchmarks.rates import RESAMPLED, rates, rest_rates
from benchmarks.shapes import folds_table, high_table, margin_table, seeds_table, shapes_table
from benchmarks.slide_level import slides_table
from benchmarks.subgroups import interactions_table, prevalence_table
from benchmarks.tables import ANY, COVERS, WRONG, Rates, Tables, Target, write
from benchmarks.two_level import TwoLevel
from her2bench.evaluation.statistics.metrics import METRICS

CORRELATIONS = (0.0, 0.1, 0.3, 0.5)
INTERVALS = ("AUC interval", "sensitivity", "specificity")
VERDICT = "wrong verdict, these weights"


def _slides(study: TwoLevel) -> str:
    return "both classes" if study.mixed else "one class"


def main_table(tables: Tables, groups: int, coverage: Target) -> None:
    """Intervals and verdicts at one number of slides, all correlations, both kinds of slide."""
    tables.head(
        f"**{groups} slides x about 19 tiles.** Interval covers (%), and equal models are called "
        "different (%); ours / naive.",
        [
            "a slide holds",
            "correlation",
            *INTERVALS,
            VERDICT,
            "wrong verdict, this recipe (3 seeds)",
        ],
    )
    wrong = (0.02 if groups == 51 else 0.0, 0.06)
    share = (0.92, 0.98) if groups == 51 else (0.93, 1.0)
    studies = [
        TwoLevel(groups=groups, correlation=r, mixed=mixed)
        for mixed in (True, False)
        for r in CORRELATIONS
    ]
    started = [
        [tables.start(rates, each) for each in (study, replace(study, seeds=3, seed_sd=0.1))]
        for study in studies
    ]
    for study, two in zip(studies, started, strict=True):
        got, again = map(tables.rates, two)
        cells = [_slides(study), f"{study.correlation:g}"]
        cells.append(_both(tables, got, "roc_auc", coverage))
        cells += [_both(tables, got, m, share) for m in ("sensitivity", "specificity")]
        cells.append(_both(tables, got, "weights", wrong))
        cells.append(_both(tables, again, "recipe", wrong))
        tables.row(cells)


def _both(tables: Tables, got: Rates, name: str, target: Target) -> str:
    return f"{tables.cell(got[f'{name} ours'], target)} / {100 * got[f'{name} naive']:.0f}"


def sizes_table(tables: Tables) -> None:
    """Other numbers of slides, slides of one size, other AUCs, unlike and several models."""
    tables.head(
        "**Other studies** (correlation 0.3 unless said). No targets were set for these.",
        ["study", "a slide holds", *INTERVALS, VERDICT],
    )
    studies = {
        "14 slides x 19": TwoLevel(groups=14),
        "200 slides x 10": TwoLevel(groups=200, tiles=10),
        "51 slides of equal size": TwoLevel(equal=True),
        "51 slides, half of the tiles positive": TwoLevel(prevalence=0.5),
        "51 slides, AUC 0.6": TwoLevel(auc=0.6),
        "51 slides, AUC 0.95": TwoLevel(auc=0.95),
        "51 slides, unlike models (correlation 0.5 and 0)": TwoLevel(correlation=0.5, other=0.0),
        "51 slides, four models, any of six verdicts": TwoLevel(models=4),
    }
    started = {
        (name, mixed): tables.start(rates, replace(study, mixed=mixed))
        for name, study in studies.items()
        for mixed in (True, False)
    }
    names = ("roc_auc", "sensitivity", "specificity", "weights")
    for (name, mixed), cell in started.items():
        got = tables.rates(cell)
        cells = [name, "both classes" if mixed else "one class"]
        tables.row([*cells, *(_both(tables, got, m, ANY) for m in names)])


def power_table(tables: Tables) -> None:
    """How often a true difference is seen, and how often models are called equivalent."""
    tables.head(
        "**Power** (correlation 0.3, slides of both classes, AUC 0.8 for the worse model; % of "
        "studies). A true difference of 0.02 is the margin itself: “equivalent” is then wrong.",
        [
            *("slides", "true difference", "a winner, these weights"),
            *("a winner, this recipe (3 seeds)", "equivalent within ±0.02"),
        ],
    )
    studies = [
        TwoLevel(groups=groups, gap=gap, shared=0.8)
        for groups in (20, 51, 200)
        for gap in (0.0, 0.02, 0.05, 0.1)
    ]
    started = [
        [tables.start(rates, each) for each in (study, replace(study, seeds=3, seed_sd=0.1))]
        for study in studies
    ]
    for study, two in zip(studies, started, strict=True):
        got, again = map(tables.rates, two)
        wrong = WRONG if study.gap == 0 else ANY
        equivalent = WRONG if study.gap == 0.02 else ANY
        cells = [str(study.groups), f"{study.gap:g}", tables.cell(got["weights ours"], wrong)]
        cells.append(tables.cell(again["recipe ours"], wrong))
        tables.row([*cells, tables.cell(got["weights ours equivalent"], equivalent)])


def rest_table(tables: Tables) -> None:
    """The metrics whose intervals are bootstrapped and whose tests are permutations."""
    studies = [
        TwoLevel(),
        TwoLevel(mixed=False),
        TwoLevel(groups=20),
        TwoLevel(groups=20, mixed=False),
    ]
    names = [f"{s.groups} slides, {_slides(s)}" for s in studies]
    tables.head(
        "**The other metrics** (correlation 0.3): the interval covers (%), the interval of the "
        "difference of equal models covers 0 (%), equal models are called different (%).",
        ["metric", *names],
    )
    started = [tables.start(rest_rates, study) for study in studies]
    got = [tables.rates(cell) for cell in started]
    parts = ("covers", "difference covers", "wrong")
    for metric in RESAMPLED:
        values = [[f"{100 * rate[f'{metric} {part}']:.1f}" for part in parts] for rate in got]
        tables.row([METRICS[metric].label, *(" · ".join(cells) for cells in values)])


TABLES: dict[str, Callable[[Tables], None]] = {
    "51 slides": lambda tables: main_table(tables, 51, COVERS),
    "20 slides": lambda tables: main_table(tables, 20, (0.93, 1.0)),
    "other studies": sizes_table,
    "power": power_table,
    "other metrics": rest_table,
    "shapes": shapes_table,
    "high": high_table,
    "folds": folds_table,
    "seeds": seeds_table,
    "margin": margin_table,
    "calibration": calibration_table,
    "few slides": few_slides_table,
    "needed": needed_table,
    "scores": scores_table,
    "slides": slides_table,
    "subgroups": interactions_table,
    "prevalence": prevalence_table,
}


def main() -> None:
    """Read the options, run the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="200 repeats")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", type=Path, help="a page with the tables' marks")
    options = parser.parse_args()
    missed, seconds = 0, 0.0
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.only:
            tables = Tables(200 if options.quick else options.repeats, pool)
            TABLES[name](tables)
            print(f"{name}: {tables.summary}\n", flush=True)
            missed, seconds = missed + tables.missed, seconds + tables.seconds
            if options.write:
                write(tables, options.write, name)
    print(f"{missed} rate(s) missed a target; {seconds / 60:.1f} minutes of one core")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

"""Do the intervals cover, and how often is the verdict wrong? By simulation, naive beside ours.

    python -m benchmarks.validity                  all tables, 2,000 repeats, about 15 minutes
    python -m benchmarks.validity --quick          200 repeats: chance alone misses targets
    python -m benchmarks.validity --repeats 4000 --write docs/statistics.md

Every number comes from the functions that `her2bench score` calls. A cell outside its target
carries an exclamation mark, and the exit status is then 1.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.rates import Rates, rates, rest_rates
from benchmarks.two_level import TwoLevel
from her2bench.evaluation.judged import RESAMPLED
from her2bench.evaluation.metrics import METRICS

CORRELATIONS = (0.0, 0.1, 0.3, 0.5)
INTERVALS = ("AUC interval", "sensitivity", "specificity")
WRONG = "wrong verdict, these weights"


class Tables:
    """Markdown tables, and whether every cell with a target met it."""

    def __init__(self, repeats: int) -> None:
        self.repeats, self.lines, self.missed = repeats, [], 0

    def head(self, title: str, columns: list[str]) -> None:
        self.lines += ["", title, "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]

    def row(self, cells: list[str]) -> None:
        self.lines.append(f"| {' | '.join(cells)} |")
        print(self.lines[-1], flush=True)

    def cell(self, value: float, low: float = 0.0, high: float = 1.0) -> str:
        """A rate in per cent, marked where it misses its target."""
        missed = not low <= value <= high
        self.missed += missed
        return f"{100 * value:.1f}{' !' if missed else ''}"


def _slides(study: TwoLevel) -> str:
    return "both classes" if study.mixed else "one class"


def main_table(tables: Tables, groups: int, coverage: tuple[float, float], wrong: float) -> None:
    """Intervals and verdicts at one number of slides, all correlations, both kinds of slide."""
    tables.head(
        f"**{groups} slides x about 19 tiles.** Interval covers (%), and equal models are called "
        "different (%); ours / naive.",
        ["a slide holds", "correlation", *INTERVALS, WRONG, "wrong verdict, this recipe (3 seeds)"],
    )
    least_wrong = 0.02 if groups == 51 else 0.0
    for mixed in (True, False):
        for r in CORRELATIONS:
            study = TwoLevel(groups=groups, correlation=r, mixed=mixed)
            got = rates(study, tables.repeats, seed=1)
            trained = replace(study, seeds=3, seed_sd=0.1)
            again = rates(trained, tables.repeats, seed=2)
            share = (0.92, 0.98) if groups == 51 else (0.93, 1.0)
            cells = [_slides(study), f"{r:g}"]
            cells.append(_both(tables, got, "roc_auc", coverage))
            cells += [_both(tables, got, m, share) for m in ("sensitivity", "specificity")]
            cells.append(_both(tables, got, "weights", (least_wrong, wrong)))
            cells.append(_both(tables, again, "recipe", (least_wrong, wrong)))
            tables.row(cells)


def _both(tables: Tables, got: Rates, name: str, target: tuple[float, float]) -> str:
    return f"{tables.cell(got[f'{name} ours'], *target)} / {100 * got[f'{name} naive']:.0f}"


def sizes_table(tables: Tables) -> None:
    """Other numbers of slides, slides of one size, other AUCs, unlike and several models."""
    tables.head(
        "**Other studies** (correlation 0.3 unless said). No targets were set for these.",
        ["study", "a slide holds", *INTERVALS, WRONG],
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
    for name, study in studies.items():
        for mixed in (True, False):
            got = rates(replace(study, mixed=mixed), tables.repeats, seed=3)
            cells = [name, "both classes" if mixed else "one class"]
            names = ("roc_auc", "sensitivity", "specificity", "weights")
            tables.row([*cells, *(_both(tables, got, m, (0.0, 1.0)) for m in names)])


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
    for groups in (20, 51, 200):
        for gap in (0.0, 0.02, 0.05, 0.1):
            study = TwoLevel(groups=groups, gap=gap, shared=0.8)
            got = rates(study, tables.repeats, seed=4)
            trained = replace(study, seeds=3, seed_sd=0.1)
            again = rates(trained, tables.repeats, seed=5)
            wrong = (0.0, 0.06) if gap == 0 else (0.0, 1.0)
            equivalent = (0.0, 0.06) if gap == 0.02 else (0.0, 1.0)
            tables.row(
                [
                    str(groups),
                    f"{gap:g}",
                    tables.cell(got["weights ours"], *wrong),
                    tables.cell(again["recipe ours"], *wrong),
                    tables.cell(got["weights ours equivalent"], *equivalent),
                ]
            )


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
    repeats = max(tables.repeats // 4, 50)
    got = [rest_rates(study, repeats, seed=6) for study in studies]
    parts = ("covers", "difference covers", "wrong")
    for metric in RESAMPLED:
        values = [[f"{100 * rate[f'{metric} {part}']:.1f}" for part in parts] for rate in got]
        tables.row([METRICS[metric].label, *(" · ".join(cells) for cells in values)])


def write(tables: Tables, path: Path, command: str, seconds: float) -> None:
    """Put the tables into a page, between its two marks."""
    start, end = "<!-- validity -->", "<!-- /validity -->"
    before, _, rest = path.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2]
    made = f"Made by `{command}` in {seconds / 60:.0f} minutes on one core."
    text = "\n".join([start, made, *tables.lines, "", end])
    path.write_text(before + text + after, encoding="utf-8")


def main() -> None:
    """Read the options, run all tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="200 repeats")
    parser.add_argument("--write", type=Path, help="a page with the marks <!-- validity -->")
    options = parser.parse_args()
    tables = Tables(200 if options.quick else options.repeats)
    started = time.perf_counter()
    main_table(tables, 51, (0.93, 0.97), 0.06)
    main_table(tables, 20, (0.93, 1.0), 0.06)
    sizes_table(tables)
    power_table(tables)
    rest_table(tables)
    seconds = time.perf_counter() - started
    if options.write:
        command = f"python -m benchmarks.validity --repeats {tables.repeats}"
        write(tables, options.write, command, seconds)
    print("\n".join(tables.lines))
    print(f"\n{tables.missed} cell(s) missed a target; {seconds:.0f} s")
    sys.exit(1 if tables.missed else 0)


if __name__ == "__main__":
    main()

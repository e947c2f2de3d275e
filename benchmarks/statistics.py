"""How fast are the statistics? Two goals, each measured beside what there was, in one run.

    python -m benchmarks.statistics            both goals
    python -m benchmarks.statistics --loops 1000    a longer run of the slow way

1. 14 metrics of 3 models on 977 tiles with intervals from 10,000 bootstrap replicates, all pairs:
   at most 5 s, and at least 30 times faster than scikit-learn's metric functions called in a loop
   over the same replicates.
2. 1,000,000 tiles, 3 models: point estimates and Obuchowski intervals within 10 s.

Seconds are of processor time, all threads together, so that they hold for one core and do not
depend on what else the machine does. The loop is run for the first replicates only, and its time
scaled to all of them.
"""

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import polars as pl
from sklearn import metrics as sk

from benchmarks.two_level import TwoLevel
from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.model_evaluation import judge
from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.evaluation.scoring.rows import make_row
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.bootstrap import slide_weights

REPLICATES = 10_000
GOALS = {"seconds": 5.0, "ratio": 30.0, "million": 10.0}


def predictions(groups: int, tiles: int) -> pl.DataFrame:
    """Three models' predictions on the test tiles of a simulated study."""
    study = TwoLevel(groups=groups, tiles=tiles, models=3, equal=True)
    sample, answers = study.draw(np.random.default_rng(0))
    n = len(sample.targets)
    one = pl.DataFrame(
        {
            "tile_id": np.char.add("tile-", np.arange(n).astype(str)),
            "group_id": np.char.add("slide-", sample.groups.astype(str)),
            "target": sample.targets.astype(np.int8),
        }
    )
    return check_predictions(
        pl.concat(
            one.with_columns(model=pl.lit(each.model), probability=pl.Series(each.probabilities[0]))
            for each in answers
        )
    )


def scikit_learn_loop(panels: list[Panel], loops: int) -> float:
    """Seconds for `loops` replicates of every metric that scikit-learn has, one by one."""
    sample = panels[0].sample
    members = [np.flatnonzero(sample.groups == g) for g in range(sample.n_groups)]
    rng = np.random.default_rng(0)
    weights = np.concatenate(list(slide_weights(sample, loops, rng)))
    started = time.process_time()
    for row in weights.astype(int):
        tiles = np.concatenate([np.tile(members[g], row[g]) for g in np.flatnonzero(row)])
        for panel in panels:
            truth, called = sample.targets[tiles], panel.answers.calls[0][tiles]
            scores, sure = panel.answers.logits[0][tiles], panel.answers.probabilities[0][tiles]
            for metric in OF_SCORES:
                metric(truth, scores)
            for metric in OF_PROBABILITIES:
                metric(truth, sure)
            for metric in OF_CALLS:
                metric(truth, called)
    return time.process_time() - started


Metric = Callable[..., object]
OF_SCORES: list[Metric] = [sk.roc_auc_score, sk.average_precision_score]
OF_PROBABILITIES: list[Metric] = [sk.brier_score_loss, sk.log_loss]
OF_CALLS: list[Metric] = [
    sk.accuracy_score,
    sk.balanced_accuracy_score,
    sk.recall_score,
    lambda truth, called: sk.recall_score(truth, called, pos_label=0),
    sk.precision_score,
    lambda truth, called: sk.precision_score(truth, called, pos_label=0),
    sk.f1_score,
    sk.matthews_corrcoef,
    sk.cohen_kappa_score,
]


def small_study(loops: int) -> tuple[float, float]:
    """Our seconds, and the loop's, for the first goal."""
    table = predictions(51, 20).group_by("model", maintain_order=True).head(977)
    settings = ScoreSettings(bootstrap=REPLICATES)
    score_predictions(table, ScoreSettings(bootstrap=200))  # first calls import and compile
    started = time.process_time()
    score_predictions(table, settings)
    ours = time.process_time() - started
    called = table.with_columns(call=pl.col("logit") > 0)
    panels = [
        make_panel(called.filter(pl.col("model") == model), model, "test")
        for model in called["model"].unique(maintain_order=True)
    ]
    return ours, scikit_learn_loop(panels, loops) * REPLICATES / loops


def large_study(tiles: int) -> tuple[float, float, float]:
    """Seconds for the second goal, those with all comparisons, peak bytes per tile and model."""
    table = predictions(tiles // 500, 500)
    settings = ScoreSettings(bootstrap=0)
    started = time.process_time()
    called, _, _ = apply_thresholds(table, settings.threshold)
    for name, model in judge(called, "test", settings).items():
        for estimate in model.estimates.values():
            make_row(name, "test", estimate, None, settings)
    seconds = time.process_time() - started
    tracemalloc.start()
    started = time.process_time()
    score_predictions(table, settings)
    everything = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, everything, peak / (3 * tiles)


def main() -> None:
    """Measure, print, and exit with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--loops", type=int, default=100, help="replicates of the slow way")
    options = parser.parse_args()
    ours, loop = small_study(options.loops)
    print("| 977 tiles, 3 models, 14 metrics, 10,000 replicates, all pairs | CPU seconds |")
    print("| --- | --- |")
    print(
        f"| scikit-learn in a loop (13 metrics; {options.loops} replicates, scaled) | {loop:.0f} |"
    )
    print(f"| her2bench | {ours:.2f} |")
    print(f"| ratio | {loop / ours:.0f} |")
    print()
    print("| tiles (3 models, 14 metrics) | CPU s, intervals | CPU s, pairs too | bytes per tile |")
    print("| --- | --- | --- | --- |")
    for tiles in (250_000, 1_000_000):
        million, everything, size = large_study(tiles)
        print(f"| {tiles:,} | {million:.1f} | {everything:.1f} | {size:.0f} |")
    met = ours <= GOALS["seconds"] and loop / ours >= GOALS["ratio"] and million <= GOALS["million"]
    print(f"\ngoals {'met' if met else 'MISSED'}")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()

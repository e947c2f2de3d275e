"""Tuned against untuned models on the phantom: how long it takes, and what it gains.

    python -m benchmarks.tuning

LeNet, AlexNet and the DAB baseline in three folds of whole slides of the phantom that
`make compare` runs on, once as the recipe says and once with eight trials each on each fold.
Printed: minutes, the chosen values, and for each model the ROC-AUC of both on all test tiles with
the paired difference, its slide-clustered interval and the verdict.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

import her2bench as hb
from her2bench.api.results import ComparisonResults
from her2bench.core.text import plural
from her2bench.core.vocabulary import model_label
from her2bench.phantom import PhantomSettings, write_phantom

MODELS = ("lenet", "alexnet")
BASELINE = "dab_baseline"
SPACE = {
    "learning_rate": [1e-4, 1e-2],
    "weight_decay": [0.0, 0.1],
    "augment_strength": [0.0, 2.0],
}


def config(manifest: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The untuned comparison."""
    return {
        "manifest": str(manifest),
        "models": list(MODELS),
        "baselines": [BASELINE],
        "seeds": list(range(given.seeds)),
        "size": 64,
        "split": {"kind": "grouped-kfold", "folds": given.folds, "validation": given.validation},
        "recipe": {
            "epochs": given.epochs,
            "learning_rates": [3e-4],
            "augment": ["flip", "rotate", "stain", "white"],
            "optimiser": "adamw",
        },
        "score": {"threshold": {"kind": "youden"}, "bootstrap": 0},
    }


def compared(
    name: str, settings: dict[str, Any], root: Path
) -> tuple[pl.DataFrame, ComparisonResults, float]:
    """Predictions under the name of each model and this one, results, and minutes."""
    start = time.perf_counter()
    results = hb.compare(settings, root / name, cache=root / "cache", audit=False, self_test=False)
    minutes = (time.perf_counter() - start) / 60
    table = pl.read_parquet(root / name / "predictions.parquet")
    return table.with_columns(pl.col("model") + f" {name}"), results, minutes


def gain(table: pl.DataFrame, model: str, question: str) -> str:
    """One line: both values, and the difference of tuned less untuned; empty if unanswered."""
    names = f"{model} untuned", f"{model} tuned"
    scores = hb.score(table.filter(pl.col("model").is_in(names)), bootstrap=0).scores
    pair = next(p for p in scores.pairs if (p.metric, p.question) == ("roc_auc", question))
    if pair.difference is None or pair.low is None or pair.high is None:
        return ""
    rows = {r.model: r.value for r in scores.rows if (r.split, r.metric) == ("test", "roc_auc")}
    values = " -> ".join(f"{rows[name]:.3f}" for name in names)
    sign = 1 if pair.model_a == names[1] else -1
    low, high = sorted((sign * pair.low, sign * pair.high))
    apart = f"{sign * pair.difference:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"  {model_label(model):15} {values}  {apart}  {pair.verdict.partition(';')[0]}\n"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, number in (
        *(("trials", 8), ("folds", 3), ("seeds", 3), ("epochs", 6), ("slides", 51), ("tiles", 10)),
    ):
        options.add_argument(f"--{name}", type=int, default=number)
    options.add_argument("--validation", type=float, default=0.3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        phantom = PhantomSettings(
            slides=given.slides, tiles_per_slide=given.tiles, size=128, mpp=0.92, seed=1
        )
        write_phantom(root / "tiles", phantom)
        settings = config(root / "tiles" / "manifest.csv", given)
        tuning = {"trials": given.trials, "space": SPACE}
        tuned, results, minutes = compared("tuned", settings | {"tuning": tuning}, root)
        untuned, _, plain = compared("untuned", settings, root)
    print(
        f"{len(MODELS) + 1} models x {given.trials} trials x {given.folds} folds: tuned "
        f"{minutes:.1f} min, untuned {plain:.1f} min"
    )
    for each in results.scores.tuning:
        values = ", ".join(f"{name} {value:.3g}" for name, value in each.values.items())
        stopped = f"{each.pruned} {plural(each.pruned, 'trial')} stopped early"
        print(f"  {model_label(each.model)}, fold {each.fold}: {values} ({stopped})")
    table = pl.concat([untuned, tuned])
    questions = {"weights": "on new slides", "recipe": "on new slides and with new seeds"}
    for question, words in questions.items():
        lines = "".join(gain(table, model, question) for model in (*MODELS, BASELINE))
        if lines:
            print(
                f"ROC-AUC, untuned -> tuned, and the gain {words} (95% interval):\n{lines}", end=""
            )


if __name__ == "__main__":
    main()

"""The study's open question: what do loss weight and augmentation bring, alone and together?

    python -m benchmarks.study_question OUT [--labels LABELS] [--write PAGE]

The study's three networks by its own recipe (Adam, its learning rates times ten for these small
tiles and few epochs, no loss weight), and with one thing changed at a time: its weight
(total/positives), the balancing one (negatives/positives), augmentation, both, and the recipe of
`configs/modern.toml`. All on the same tiles: the built-in phantom with three seeds or, with LABELS
(for `her2bench manifest images`), tiles of labelled cores by folds of whole cores.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import her2bench as hb
from benchmarks.contest import in_markdown
from benchmarks.pages import into_page
from benchmarks.real_tiles import tiles_of
from her2bench.api.results import ComparisonResults
from her2bench.core.scores import Pair
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.statistics.multiplicity import holm

NETWORKS = {"lenet": 1e-3, "alexnet": 1e-4, "mini_hahnet": 1e-4}  # → its learning rate
HALVES = {"kind": "grouped", "validation": 0.1, "test": 0.5}
FOLDS = {"kind": "grouped-kfold", "folds": 3, "validation": 0.25}
BALANCED = {"pos_weight": "negatives/positives"}
AUGMENTED = {"augment": ["flip", "rotate", "stain", "white"]}
MODERN = {
    "learning_rates": [1e-3],
    "optimiser": "adamw",
    "weight_decay": 0.05,
    "schedule": "cosine",
    "warmup": 1,
    "average": 0.95,
    "clip": 1.0,
    "keep": "best-validation-loss",
}
CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "weighted": {"pos_weight": "total/positives"},
    "balanced": BALANCED,
    "augmented": AUGMENTED,
    "both": BALANCED | AUGMENTED,
    "modern": BALANCED | AUGMENTED | MODERN,
}


def main() -> None:
    """Compare on the phantom or on cores, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--labels", type=Path, help="cores instead of the phantom")
    parser.add_argument("--endpoint", default="2+")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--write", type=Path, help="a page with the marks of these tables")
    options = parser.parse_args()
    if options.labels:
        manifest, split, seeds = tiles_of(options.labels, options.out), FOLDS, [0]
    else:
        manifest, split, seeds = _phantom(options.out), HALVES, [0, 1, 2]
    config = {"manifest": str(manifest), "endpoint": options.endpoint, "size": 64, "seeds": seeds}
    config["recipe"] = {"epochs": options.epochs, "batch": 32, "normalise": False, "keep": "last"}
    config["score"] = {"threshold": {"kind": "youden"}}
    results = hb.compare(config | _variants() | {"split": split}, options.out / "changes")
    lines = [*in_markdown(results, verdicts=False), "", *_gains(results)]
    print(*lines, sep="\n")
    if options.write:
        into_page(options.write, f"question: {'cores' if options.labels else 'phantom'}", lines)


def _phantom(out: Path) -> Path:
    folder = out / "phantom"
    if not (folder / "manifest.csv").is_file():
        hb.phantom(folder, slides=150, tiles_per_slide=6, size=64, mpp=1.84, seed=2)
    return folder / "manifest.csv"


def _variants() -> dict[str, Any]:
    """Each network by each recipe."""
    pairs = [(network, change) for network in NETWORKS for change in CHANGES]
    return {
        "models": [f"{network}_{change}={network}" for network, change in pairs],
        "network": {
            f"{network}_{change}": {
                "recipe": {"learning_rates": [NETWORKS[network]]} | CHANGES[change]
            }
            for network, change in pairs
        },
    }


def _gains(results: ComparisonResults) -> list[str]:
    """Each change against the plain recipe of the same network; p adjusted over these (Holm)."""
    found: dict[tuple[str, str], tuple[Pair, int]] = {}
    for pair in results.headline:
        for a, b, sign in ((pair.model_a, pair.model_b, 1), (pair.model_b, pair.model_a, -1)):
            network, _, change = a.rpartition("_")
            if b == f"{network}_plain" and pair.difference is not None:
                found[network, change] = pair, sign
    adjusted = holm(np.array([pair.p_value for pair, _ in found.values()], dtype=float))
    lines = [
        "| network, change | gain in ROC-AUC (95% interval) | adjusted p |",
        "| --- | --- | --- |",
    ]
    for ((network, change), (pair, sign)), p in zip(found.items(), adjusted, strict=True):
        low, high = sorted((sign * (pair.low or 0.0), sign * (pair.high or 0.0)))
        gain = f"{sign * (pair.difference or 0.0):+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(f"| {model_label(network)}, {change} | {gain} | {p:.3g} |")
    return lines


if __name__ == "__main__":
    main()

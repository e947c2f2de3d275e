"""Is our own network better than the study's three and the DAB baseline? On slides kept for this.

    python -m benchmarks.own_network OUT [--train 300] [--test 3000] [--seed 1000] [--write PAGE]

Draws a phantom of its own: no choice was made on any of its slides. One recipe for all networks, as
many seeds as asked; a learning rate for each, chosen before on other phantoms.
"""

import argparse
from pathlib import Path

import her2bench as hb
from benchmarks.contest import in_markdown
from benchmarks.pages import into_page

RATES = {"lenet": [1e-3], "alexnet": [5e-4], "mini_hahnet": [3e-4], "dabnet": [2e-3]}


def main() -> None:
    """Draw, train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=int, default=300, help="slides for training and validation")
    parser.add_argument("--test", type=int, default=3000, help="slides for testing")
    parser.add_argument("--tiles", type=int, default=8, help="of each slide, on average")
    parser.add_argument("--seed", type=int, default=1000, help="of the phantom")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=list(RATES))
    parser.add_argument("--write", type=Path, help="a page with the marks of this table")
    options = parser.parse_args()
    slides, tiles = options.train + options.test, options.out / "phantom"
    if not (tiles / "manifest.csv").is_file():
        drawn = {"tiles_per_slide": options.tiles, "size": 64, "mpp": 1.84}
        hb.phantom(tiles, slides=slides, seed=options.seed, workers=2, **drawn)
    config = {
        "manifest": str(tiles / "manifest.csv"),
        "endpoint": "2+",
        "models": options.models,
        "seeds": options.seeds,
        "size": 64,
        "split": {
            "kind": "grouped",
            "test": options.test / slides,
            "validation": 0.2 * options.train / slides,
        },
        "recipe": {
            "epochs": options.epochs,
            "batch": 32,
            "learning_rates": {model: RATES[model] for model in options.models},
            "optimiser": "adamw",
            "weight_decay": 0.05,
            "schedule": "cosine",
            "warmup": 1,
            "average": 0.98,
            "clip": 1.0,
            "augment": ["flip", "rotate", "stain", "white"],
            "keep": "best-validation-loss",
        },
        "score": {"threshold": {"kind": "youden"}},
    }
    lines = in_markdown(hb.compare(config, options.out / "comparison", audit=False))
    print(*lines, sep="\n")
    if options.write:
        into_page(options.write, "own network", lines)


if __name__ == "__main__":
    main()

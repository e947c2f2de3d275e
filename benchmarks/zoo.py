"""`configs/zoo.toml` on its phantom, with the frozen features of a network that has seen ImageNet.

    python -m benchmarks.zoo [--write docs/models.md]

Less than an hour on two cores. The weights are those that `benchmarks/pretrained.py` prepares;
`--without-pretrained` where the Python registry is out of reach.
"""

import argparse
import tomllib
from pathlib import Path

import her2bench as hb
from benchmarks.contest import in_markdown
from benchmarks.pages import into_page
from benchmarks.pretrained import NETWORK, prepare

FOLDER = Path("build/zoo")
CONFIG = Path("configs/zoo.toml")


def main() -> None:
    """Draw the phantom, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-pretrained", action="store_true")
    parser.add_argument("--write", type=Path, help="a page with the marks of this table")
    options = parser.parse_args()
    if not (FOLDER / "manifest.csv").is_file():
        hb.phantom(FOLDER, slides=150, tiles_per_slide=6, size=64, mpp=1.84, seed=1)
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    if not options.without_pretrained:
        weights = FOLDER / "lite0.safetensors"
        if not weights.is_file():
            prepare(weights, FOLDER / "package")
        config["models"].append(f"frozen_lite0=timm:{NETWORK}")
        config["network"] = {"frozen_lite0": {"pretrained": str(weights), "training": "frozen"}}
    lines = in_markdown(hb.compare(config, FOLDER / "comparison"))
    print(*lines, sep="\n")
    if options.write:
        into_page(options.write, "zoo", lines)


if __name__ == "__main__":
    main()

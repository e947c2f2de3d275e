"""A small finished comparison, made once by `her2bench compare` itself: the folder to damage.

Beside it lies one of its networks, exported.
"""

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import settings_from
from her2bench.core.runs import ComparisonFolder
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.prediction.exported.exporting import ExportChoices, export_runs
from her2bench.report.figures.figure_set import Figures

EXPORTED = "exported/lenet-seed-0-fold-0.onnx"
SETTINGS = {
    "models": ["lenet"],
    "baselines": ["always_positive", "dab_baseline"],
    "seeds": [0, 1],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.25, "test": 0.25},
    "recipe": {"epochs": 1, "batch": 16, "learning_rates": [1e-4]},
    "score": {"threshold": {"kind": "youden"}, "bootstrap": 0, "flips": 99},
}


def without_figures() -> AbstractContextManager[object]:
    """Reports without figures, which take seconds to draw."""
    nothing = Figures(None, None, None, None, [], None, None, [])
    return patch("her2bench.report.pages.report_page.draw_all", return_value=nothing)


def build(folder: Path) -> None:
    """Write `tiles`, `comparison` and `exported` into a folder."""
    write_phantom(folder / "tiles", PhantomSettings(slides=16, tiles_per_slide=3, size=64), 1)
    manifest = str(folder / "tiles" / "manifest.csv")
    config = settings_from(ComparisonConfig, {"manifest": manifest, **SETTINGS}, "fuzz")
    choices = Choices(device="cpu", cache=folder / "cache", self_test=False)
    with without_figures():
        compare(config, folder / "comparison", choices, Watcher())
    run = ComparisonFolder(folder / "comparison").run("lenet", 0, 0)
    export_runs(run.path, folder / "exported", ExportChoices())


if __name__ == "__main__":
    build(Path(sys.argv[1]))

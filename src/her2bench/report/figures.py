"""The figures of a comparison, drawn with Matplotlib, each as SVG and PNG."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "her2bench",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def _saved(folder: Path, name: str, width: float, height: float) -> Iterator[Figure]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=150, metadata={"Software": None})


def draw_losses(epochs: pl.DataFrame, folder: Path) -> None:
    """Loss per epoch for training and validation: a panel a model, a line a seed and fold.

    Args:
        epochs: the rows of all metrics.csv with `model, seed, fold, learning_rate, epoch,
            train_loss, val_loss`.
        folder: where `loss.svg` and `loss.png` go.
    """
    models = epochs["model"].unique(maintain_order=True).to_list()
    with _saved(folder, "loss", 3 * max(len(models), 1), 2.8) as figure:
        panels = figure.subplots(1, len(models), squeeze=False)[0]
        for panel, model in zip(panels, models, strict=True):
            mine = epochs.filter(pl.col("model") == model)
            runs = mine.partition_by("seed", "fold", "learning_rate", maintain_order=True)
            for i, run in enumerate(runs):
                for split, colour in (("train", "#4a78b5"), ("val", "#c8602d")):
                    name = {"train": "training", "val": "validation"}[split]
                    panel.plot(
                        run["epoch"] + 1,
                        run[f"{split}_loss"],
                        color=colour,
                        alpha=0.8,
                        label=name if i == 0 else None,
                    )
            panel.set(title=model, xlabel="epoch")
        panels[0].set_ylabel("loss (mean over tiles)")
        panels[0].legend(frameon=False)


def draw_roc(predictions: pl.DataFrame, split: str, folder: Path) -> None:
    """ROC curves of one split: a line a model and seed, folds pooled."""
    part = predictions.filter(pl.col("split") == split)
    with _saved(folder, f"roc-{split}", 4.2, 4) as figure:
        panel = figure.subplots()
        panel.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
        models = part["model"].unique(maintain_order=True).to_list()
        for index, model in enumerate(models):
            seeds = part.filter(pl.col("model") == model).partition_by("seed")
            for i, run in enumerate(seeds):
                target, logit = run["target"].to_numpy(), run["logit"].to_numpy()
                if len(np.unique(target)) < 2:
                    continue
                false_positive, true_positive, _ = roc_curve(target, logit)
                panel.plot(
                    false_positive,
                    true_positive,
                    color=f"C{index}",
                    alpha=0.8,
                    label=model if i == 0 else None,
                )
        panel.set(
            xlabel="1 − specificity", ylabel="sensitivity", title=f"ROC, {split} tiles", aspect=1
        )
        panel.legend(frameon=False)

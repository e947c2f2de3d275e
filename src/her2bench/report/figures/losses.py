"""Loss per epoch: a figure a model, a line a seed and fold."""

from pathlib import Path

import polars as pl
from matplotlib.ticker import MaxNLocator

from her2bench.report.figures.canvas import Drawn, sheet
from her2bench.report.figures.palette import INK, SERIES
from her2bench.report.names import label, slug

TRAINING, VALIDATION = SERIES[0], SERIES[1]


def draw_losses(model: str, epochs: pl.DataFrame, top: float, folder: Path) -> Drawn:
    """Training (solid) and validation (dashed) loss of every run of one model.

    Args:
        model: its name.
        epochs: its rows of all metrics.csv.
        top: of the loss axis, the same for all models.
        folder: where the files go.
    """
    title = f"Loss per epoch of {label(model)}, each seed"
    keys = [k for k in ("seed", "fold", "learning_rate") if k in epochs.columns]
    with sheet(folder, f"loss-{slug(model)}", title, epochs, (3.0, 2.6)) as page:
        axes = page.axes
        for i, run in enumerate(epochs.partition_by(keys, maintain_order=True)):
            for column, name, colour, dashes in (
                ("train_loss", "training", TRAINING, "-"),
                ("val_loss", "validation", VALIDATION, (0, (4, 1.5))),
            ):
                if column in run.columns:
                    axes.plot(
                        run["epoch"] + 1,
                        run[column],
                        color=colour,
                        linestyle=dashes,
                        linewidth=1.1,
                        marker="o" if run.height == 1 else None,
                        label=name if i == 0 else None,
                    )
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, top))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(label(model), color=INK, parse_math=False)
        axes.grid(True, axis="y")
        page.figure.legend(loc="outside lower center", ncols=2)
    return page.drawn

"""Probabilities by IHC score: predictions for tiles of score 0, 1+, 2+ and 3+."""

from pathlib import Path

import numpy as np
import polars as pl
from scipy import special

from her2bench.core.vocabulary import SCORES, model_label
from her2bench.report.figures.palette import INK, MUTED, PAPER
from her2bench.report.figures.style import Drawn, sheet
from her2bench.report.labels import slug

MOST_DOTS = 150


def draw_spread(
    model: str, rows: pl.DataFrame, colour: str, folder: Path, unit: str = "slide"
) -> Drawn:
    """One dot per tile by IHC score (at most 150 per score), a box plot, the threshold.

    Args:
        model: its name.
        rows: the shown tiles of its first seed, with `score`, `probability`, `threshold`.
        colour: of the model.
        folder: where the files go.
        unit: what bears the score.
    """
    title = f"Probabilities of {model_label(model)} by IHC score"
    data = rows.select("tile_id", "group_id", "score", "target", "probability")
    scores = rows["score"].drop_nulls().unique().sort().to_list()
    with sheet(folder, f"spread-{slug(model)}", title, data, (3.0, 2.9)) as page:
        axes = page.axes
        for threshold in rows["threshold"].unique().sort().head(5):
            axes.axhline(special.expit(threshold), color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        rng = np.random.default_rng(0)
        for score in scores:
            values = rows.filter(pl.col("score") == score)["probability"].to_numpy()
            _draw_score(axes, score, values, colour, rng)
        axes.set(ylim=(-0.03, 1.03), xlim=(min(scores) - 0.5, max(scores) + 0.5))
        axes.set_xticks(scores, [f"{SCORES[s]}" for s in scores])
        axes.set(xlabel=f"IHC score of the {unit}", ylabel="probability of positive")
        axes.set_title(model_label(model), color=INK, parse_math=False)
        axes.grid(True, axis="y")
    return page.drawn


def _draw_score(axes, score: int, values: np.ndarray, colour: str, rng) -> None:
    few = values if len(values) <= MOST_DOTS else rng.choice(values, MOST_DOTS, replace=False)
    side = score - 0.13 - rng.uniform(0, 0.26, len(few))
    axes.plot(side, few, ".", color=colour, alpha=0.45, markersize=3.5, markeredgewidth=0)
    axes.boxplot(
        values,
        positions=[score + 0.18],
        widths=0.2,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": PAPER, "edgecolor": colour},
        medianprops={"color": colour, "linewidth": 2},
        whiskerprops={"color": colour},
        capprops={"color": MUTED, "linewidth": 0},
        manage_ticks=False,
    )

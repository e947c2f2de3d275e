"""Decision curves: net benefit over the threshold probability, one figure with all models."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from her2bench.core.vocabulary import SPLITS, model_label
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.net_benefit import (
    THRESHOLDS,
    NetBenefit,
    all_positive,
    net_benefit,
)
from her2bench.report.figures.curve_bands import REPLICATES
from her2bench.report.figures.palette import INK, MUTED
from her2bench.report.figures.roc_pr import Styles, plain, styles_of, with_bands
from her2bench.report.figures.style import Drawn, sheet

ALL = "all tiles positive"
_WIDTH, _HEIGHT, _LINE = 5.2, 3.4, 0.19  # inches; a line of the legend
_BELOW = 0.25  # of the highest value is shown below 0


@dataclass(frozen=True)
class DecisionCurves:
    """The curves of all models on the same tiles.

    Args:
        models: model → its net benefit.
        everyone: that of predicting all tiles positive.
        scaled: the models whose probabilities are calibrated, fitted on validation tiles.
        prevalence: at which net benefit is taken; None: that of the tiles.
    """

    models: dict[str, NetBenefit]
    everyone: NetBenefit
    scaled: Collection[str]
    prevalence: float | None


def decision_curves(
    panels: Mapping[str, Panel],
    probabilities: Mapping[str, Floats],
    scaled: Collection[str],
    prevalence: float | None,
) -> DecisionCurves:
    """Net benefit of each model, and of predicting all tiles positive.

    Args:
        panels: model → its predictions.
        probabilities: model → (S, n), calibrated where it is among `scaled`.
        scaled: those models.
        prevalence: as `net_benefit` takes it.
    """
    first = next(iter(panels.values())).sample
    curves = {
        model: net_benefit(panel.sample, probabilities[model], prevalence, replicates=REPLICATES)
        for model, panel in panels.items()
    }
    everyone = net_benefit(first, all_positive(first), prevalence, replicates=REPLICATES)
    return DecisionCurves(curves, everyone, scaled, prevalence)


def draw_decision(curves: DecisionCurves, baselines: list[str], split: str, folder: Path) -> Drawn:
    """Draw all curves into `decision.*`; the CSV holds the band of every model."""
    title = f"Net benefit of all models on {SPLITS[split]} tiles"
    size = _WIDTH, _HEIGHT + _LINE * (len(curves.models) + 2)
    with sheet(folder, "decision", title, _table(curves), size) as page:
        filled = with_bands(curves.models, baselines)
        decision(page.axes, curves, styles_of(curves.models, baselines), filled)
        page.figure.legend(loc="outside lower left", ncols=1, handlelength=2.6, reverse=True)
    return page.drawn


def decision(
    axes: Axes, curves: DecisionCurves, styles: Styles, filled: Collection[str] = ()
) -> None:
    """Draw net benefit over the threshold probability.

    Args:
        axes: where.
        curves: what.
        styles: model → how its line looks.
        filled: models whose band is drawn.
    """
    for name in filled:
        band, colour = curves.models[name], str(styles[name]["color"])
        axes.fill_between(THRESHOLDS, band.low, band.high, color=colour, alpha=0.16, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.9, label="no tile positive")
    axes.plot(THRESHOLDS, curves.everyone.value, color=MUTED, linewidth=1.1, label=ALL)
    for name, curve in reversed(list(curves.models.items())):
        label = model_label(name) + (" (calibrated)" if name in curves.scaled else "")
        axes.plot(THRESHOLDS, curve.value, label=plain(label), **styles[name])
    at = "" if curves.prevalence is None else f" at a prevalence of {curves.prevalence:g}"
    axes.set(xlabel="threshold probability", ylabel=f"net benefit{at}")
    top = max(float(np.nanmax(curve.value)) for curve in (*curves.models.values(), curves.everyone))
    axes.set(xlim=(0, 1), ylim=(-_BELOW * max(top, 0.02), 1.08 * max(top, 0.02)))
    axes.grid(True)


def _table(curves: DecisionCurves) -> pl.DataFrame:
    named = {**curves.models, ALL: curves.everyone}
    return pl.concat(
        pl.DataFrame(
            {
                "threshold_probability": THRESHOLDS,
                "net_benefit": curve.value,
                "net_benefit_low": curve.low,
                "net_benefit_high": curve.high,
            }
        )
        .fill_nan(None)
        .select(
            pl.lit(name).alias("model"), pl.lit(name in curves.scaled).alias("calibrated"), pl.all()
        )
        for name, curve in named.items()
    )

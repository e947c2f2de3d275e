"""ROC and precision-recall curves: one figure per network with its band and the baselines."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from her2bench.core.vocabulary import SPLITS, model_label
from her2bench.evaluation.scoring.panels import Panel
from her2bench.report.figures.curve_bands import GRID, Band, band_table, precision_band, roc_band
from her2bench.report.figures.palette import INK, MUTED, line_style
from her2bench.report.figures.style import Drawn, Sheet, sheet
from her2bench.report.labels import slug

SIZE = (3.0, 3.5)
Styles = dict[str, dict[str, Any]]
_FAINT = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (1, 2))}


def draw_rocs(
    panels: dict[str, Panel], baselines: list[str], split: str, folder: Path
) -> list[Drawn]:
    """Sensitivity over 1 − specificity, averaged over seeds, with its band.

    Args:
        panels: model → its predictions on tiles of both classes.
        baselines: which of the models are baselines.
        split: of the tiles.
        folder: where the files go.
    """
    bands = {model: roc_band(panel) for model, panel in panels.items()}
    models = list(panels)
    styles = {model: line_style(model, models, baselines) for model in models}
    drawn = []
    for model, shown in _beside_baselines(bands, baselines).items():
        name, title = (
            f"roc-{slug(model)}",
            f"ROC curve of {model_label(model)} on {SPLITS[split]} tiles",
        )
        data = band_table(shown, "one_minus_specificity", "sensitivity")
        with sheet(folder, name, title, data, SIZE) as page:
            roc(page.axes, shown, styles, filled=(model,))
            _titled(page, model)
        drawn.append(page.drawn)
    return drawn


def draw_precision_recalls(
    panels: dict[str, Panel], baselines: list[str], split: str, folder: Path
) -> list[Drawn]:
    """PPV over sensitivity, averaged over seeds, with its band; dotted: the share of positives."""
    bands = {model: precision_band(panel) for model, panel in panels.items()}
    share = float(next(iter(panels.values())).sample.targets.mean())
    models = list(panels)
    styles = {model: line_style(model, models, baselines) for model in models}
    drawn = []
    for model, shown in _beside_baselines(bands, baselines).items():
        name = f"precision-recall-{slug(model)}"
        title = f"Precision-recall curve of {model_label(model)} on {SPLITS[split]} tiles"
        data = band_table(shown, "sensitivity", "ppv")
        with sheet(folder, name, title, data, SIZE) as page:
            page.axes.axhline(share, **_FAINT)
            _draw_curves(page.axes, shown, styles, (model,))
            page.axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)")
            _titled(page, model)
        drawn.append(page.drawn)
    return drawn


def _beside_baselines(bands: dict[str, Band], baselines: list[str]) -> dict[str, dict[str, Band]]:
    """Network → its band and those of the baselines; baselines alone without networks."""
    networks = [model for model in bands if model not in baselines] or list(bands)
    beside = {model: band for model, band in bands.items() if model in baselines}
    return {model: {model: bands[model]} | beside for model in networks}


def roc(
    axes: Axes,
    bands: Mapping[str, Band],
    styles: Styles,
    filled: Collection[str],
    names: Mapping[str, str] | None = None,
) -> None:
    """Draw ROC curves, with the band of those that are `filled`.

    Args:
        axes: where.
        bands: model → its curve.
        styles: model → how its line looks.
        filled: models whose band is drawn.
        names: model → its name in the legend; by default its label.
    """
    axes.plot([0, 1], [0, 1], **_FAINT)
    _draw_curves(axes, bands, styles, filled, names)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity (recall)")


def _draw_curves(
    axes: Axes,
    bands: Mapping[str, Band],
    styles: Styles,
    filled: Collection[str],
    names: Mapping[str, str] | None = None,
) -> None:
    named = names or {}
    for name, band in bands.items():
        if name in filled and np.isfinite(band.low).any():
            colour = str(styles[name]["color"])
            axes.fill_between(GRID, band.low, band.high, color=colour, alpha=0.16, linewidth=0)
    for name, band in reversed(list(bands.items())):
        text = _plain(named.get(name, model_label(name)))
        axes.plot(GRID, band.value, label=text, **styles[name])
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect=1)
    axes.grid(True)


def _titled(page: Sheet, model: str) -> None:
    page.axes.set_title(model_label(model), color=INK, parse_math=False)
    page.figure.legend(loc="outside lower center", ncols=2, handlelength=2.4, reverse=True)


def _plain(name: str) -> str:
    """A name as legend text: no mathematics, and no leading underscore, which would hide it."""
    return ("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$")

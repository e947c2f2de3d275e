"""ROC and precision-recall curves: one figure each, with all models."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from her2bench.core.scores import Row
from her2bench.core.vocabulary import SPLITS, model_label
from her2bench.evaluation.scoring.panels import Panel
from her2bench.report.figures.curve_bands import GRID, Band, band_table, precision_band, roc_band
from her2bench.report.figures.palette import MUTED, line_style
from her2bench.report.figures.style import Drawn, Sheet, sheet

MOST_BANDS = 3  # more bands would overlap
_WIDTH, _HEIGHT, _LINE = 3.7, 3.6, 0.19  # inches; a line of the legend
Styles = dict[str, dict[str, Any]]
_FAINT = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (1, 2))}


def draw_rocs(
    panels: dict[str, Panel], baselines: list[str], split: str, rows: Iterable[Row], folder: Path
) -> Drawn:
    """Sensitivity over 1 − specificity of all models, averaged over seeds, with their AUCs.

    Args:
        panels: model → its predictions on tiles of both classes.
        baselines: which of the models are baselines.
        split: of the tiles.
        rows: of scores.json.
        folder: where the files go.
    """
    bands = {model: roc_band(panel) for model, panel in panels.items()}
    title = f"ROC curves of all models on {SPLITS[split]} tiles"
    data = band_table(bands, "one_minus_specificity", "sensitivity")
    names = legend_names(rows, split, "roc_auc", "AUC")
    with sheet(folder, "roc", title, data, _size(panels)) as page:
        roc(page.axes, bands, styles_of(panels, baselines), with_bands(bands, baselines), names)
        _legend(page)
    return page.drawn


def draw_precision_recalls(
    panels: dict[str, Panel], baselines: list[str], split: str, rows: Iterable[Row], folder: Path
) -> Drawn:
    """PPV over sensitivity of all models, averaged over seeds; dotted: the share of positives."""
    bands = {model: precision_band(panel) for model, panel in panels.items()}
    share = float(next(iter(panels.values())).sample.targets.mean())
    title = f"Precision-recall curves of all models on {SPLITS[split]} tiles"
    data = band_table(bands, "sensitivity", "ppv")
    names = legend_names(rows, split, "average_precision", "AP")
    with sheet(folder, "precision-recall", title, data, _size(panels)) as page:
        page.axes.axhline(share, **_FAINT)
        filled = with_bands(bands, baselines)
        _draw_curves(page.axes, bands, styles_of(panels, baselines), filled, names)
        page.axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)")
        _legend(page)
    return page.drawn


def legend_names(rows: Iterable[Row], split: str, metric: str, short: str) -> dict[str, str]:
    """Model → its label with the area under its curve and the interval, for these weights."""
    return {
        row.model: f"{model_label(row.model)}, {short} {row.value:.2f}"
        + ("" if row.low is None or row.high is None else f" ({row.low:.2f} to {row.high:.2f})")
        for row in rows
        if (row.split, row.metric) == (split, metric) and row.value is not None
    }


def with_bands(models: Iterable[str], baselines: Collection[str]) -> list[str]:
    """The models whose band is drawn: the networks, where these are few."""
    networks = [model for model in models if model not in baselines]
    return networks if len(networks) <= MOST_BANDS else []


def styles_of(models: Iterable[str], baselines: list[str]) -> Styles:
    """How the line of each model looks."""
    names = list(models)
    return {name: line_style(name, names, baselines) for name in names}


def _size(panels: Mapping[str, Panel]) -> tuple[float, float]:
    return _WIDTH, _HEIGHT + _LINE * len(panels)


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
        text = plain(named.get(name, model_label(name)))
        axes.plot(GRID, band.value, label=text, **styles[name])
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect=1)
    axes.grid(True)


def _legend(page: Sheet) -> None:
    page.figure.legend(loc="outside lower left", ncols=1, handlelength=2.6, reverse=True)


def plain(name: str) -> str:
    """A name as legend text: no mathematics, and no leading underscore, which would hide it."""
    return ("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$")

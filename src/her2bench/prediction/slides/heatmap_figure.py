"""A slide beside its heatmap: probability over the tissue, scale bar, legend, tissue outline."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from her2bench.core.vocabulary import RESEARCH_USE
from her2bench.prediction.slides.slide_prediction import SlidePrediction

# Neither the blue of haematoxylin nor the brown of DAB; both sides are distinguished without colour
# vision, too, since the middle is light.
_COLOURS = LinearSegmentedColormap.from_list(
    "calls",
    [(0, "#0b6e6e"), (0.25, "#57b0a8"), (0.5, "#f7f4ea"), (0.75, "#e4679f"), (1, "#9b0d5e")],
)
_OUTLINE, _INK = "#1a1a1a", "#222222"
_OPACITY = 0.6  # cells stay visible
_CAPTION = "Black line: tissue. Tissue without colour: its tiles hold too little tissue."
_WIDTH = 13.0  # inches
_BAR = 0.2  # a scale bar is at most this share of the picture's width


def write_heatmap(slide: SlidePrediction, summary: dict[str, Any], path: Path) -> None:
    """Write the figure as PNG.

    Args:
        slide: predicted.
        summary: of the slide, for its title.
        path: ends in .png.
    """
    height, width = slide.thumbnail.shape[:2]
    tall = _WIDTH / 2 * 0.88 * height / width
    figure = Figure(figsize=(_WIDTH, tall + 1.3), dpi=120, facecolor="white")
    grid = figure.add_gridspec(
        *(1, 3), width_ratios=(1, 1, 0.03), wspace=0.04, left=0.015, right=0.925
    )
    grid.update(top=1 - 0.75 / (tall + 1.3), bottom=0.5 / (tall + 1.3))
    plain, heat, legend = (figure.add_subplot(grid[0, place]) for place in range(3))
    norm = TwoSlopeNorm(min(max(slide.cut, 1e-3), 1 - 1e-3), 0, 1)
    for axes in (plain, heat):
        axes.imshow(slide.thumbnail, extent=(0, width, height, 0), interpolation="antialiased")
        axes.set_axis_off()
    heat.imshow(_overlay(slide, norm), extent=(0, width, height, 0), interpolation="nearest")
    _outline(heat, slide)
    _scale_bar(plain, slide)
    _legend(figure, legend, norm, slide.cut)
    _texts(figure, summary)
    figure.savefig(path, format="png", metadata={"Software": None})


def mean_probability(slide: SlidePrediction) -> np.ndarray:
    """Mean probability of the tiles over each pixel of the thumbnail; NaN where there is none.

    Returns:
        (h, w) float64.
    """
    height, width = slide.thumbnail.shape[:2]
    total, count = np.zeros((2, height + 1, width + 1))
    scale = np.array([width / slide.width, height / slide.height])
    corners = slide.table.select("x", "y").to_numpy()
    left, top = np.rint(corners * scale).astype(int).T
    right, bottom = np.rint((corners + slide.tiles.side) * scale).astype(int).T
    right, bottom = np.maximum(right, left + 1), np.maximum(bottom, top + 1)
    right, bottom = np.minimum(right, width), np.minimum(bottom, height)
    values = slide.table["probability"].to_numpy()
    # Each tile as four corners, of which the sums over rows and columns make a filled rectangle.
    for rows, columns, sign in ((top, left, 1), (bottom, right, 1), (top, right, -1)):
        np.add.at(total, (rows, columns), sign * values)
        np.add.at(count, (rows, columns), sign)
    np.add.at(total, (bottom, left), -values)
    np.add.at(count, (bottom, left), -1)
    total, count = (each.cumsum(0).cumsum(1)[:height, :width] for each in (total, count))
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0.5)


def _overlay(slide: SlidePrediction, norm: TwoSlopeNorm) -> np.ndarray:
    """(h, w, 4) colours; tissue covered in full, glass within a tile faintly."""
    values = mean_probability(slide)
    height, width = values.shape
    mask = slide.tiles.mask
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    tissue = mask[rows][:, columns]
    colours = _COLOURS(norm(np.nan_to_num(values)))
    colours[..., 3] = np.where(np.isnan(values), 0, np.where(tissue, _OPACITY, _OPACITY / 3))
    return colours


def _outline(axes: Axes, slide: SlidePrediction) -> None:
    height, width = slide.thumbnail.shape[:2]
    mask = np.pad(slide.tiles.mask, 1).astype(np.float32)
    down, across = slide.tiles.mask.shape
    x = (np.arange(-1, across + 1) + 0.5) * width / across
    y = (np.arange(-1, down + 1) + 0.5) * height / down
    axes.contour(x, y, mask, [0.5], colors=_OUTLINE, linewidths=0.6)


def bar_length(width: float) -> float:
    """The length of a scale bar in µm: 1, 2 or 5 times a power of ten, for a picture of `width` µm.

    >>> bar_length(1300.0), bar_length(40_000.0)
    (200.0, 5000.0)
    """
    power = 10.0 ** math.floor(math.log10(width * _BAR))
    return max(step * power for step in (1, 2, 5) if step * power <= width * _BAR)


def _scale_bar(axes: Axes, slide: SlidePrediction) -> None:
    if slide.tiles.mpp is None:
        return
    height, width = slide.thumbnail.shape[:2]
    field = slide.width * slide.tiles.mpp
    length = bar_length(field)
    long, x, y = length / field * width, 0.03 * width, 0.965 * height
    axes.plot([x, x + long], [y, y], color=_INK, linewidth=3, solid_capstyle="butt")
    text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    axes.text(x + long / 2, y - 0.012 * height, text, ha="center", va="bottom", color=_INK)


def _legend(figure: Figure, axes: Axes, norm: TwoSlopeNorm, cut: float) -> None:
    bar = figure.colorbar(ScalarMappable(norm, _COLOURS), cax=axes)
    bar.set_ticks([0, cut, 1], labels=["0", f"{cut:.2f}\nthreshold", "1"])
    bar.set_label("probability of positive, mean over tiles", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _texts(figure: Figure, summary: dict[str, Any]) -> None:
    runs = f", mean of {summary['runs']} runs" if summary["runs"] > 1 else ""
    area = summary["tissue_mm2"]
    facts = [
        f"{summary['share_predicted_positive']:.0%} of {summary['tiles']} tiles predicted positive",
        *([f"{area:.2f} mm² tissue"] if area is not None else ["µm/pixel unknown"]),
        f"{summary['model']}{runs}: {summary['positive_means']}",
    ]
    unreadable = summary["unreadable_tiles"]
    facts += [f"{unreadable} tiles could not be read"] if unreadable else []
    high = figure.get_size_inches()[1]
    options = {"ha": "left", "color": _INK, "parse_math": False}
    figure.text(0.015, 1 - 0.30 / high, summary["slide"], fontsize=13, weight="bold", **options)
    figure.text(0.015, 1 - 0.58 / high, " · ".join(facts), fontsize=10, **options)
    figure.text(0.015, 0.16 / high, f"{RESEARCH_USE} {_CAPTION}", fontsize=9, **options)

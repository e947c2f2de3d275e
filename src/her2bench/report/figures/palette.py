"""Colour-blind safe colours, and their names in the page.

A figure is drawn once, for paper. In the page each of these colours becomes a CSS variable, so
that dark mode can lighten it.
"""

from typing import Any

from her2bench.core.display import chosen_colour
from her2bench.core.vocabulary import BASELINES

PAPER, INK, MUTED, GRID = "#fffffe", "#1c2431", "#5c6675", "#e2e6ec"
BAND = "#d8ecea"  # the equivalence margin
# Okabe and Ito's set, darkened where it was too pale for a line on white.
SERIES = ("#0072b2", "#c4500a", "#00835f", "#a8558a", "#8a6d00", "#2f8fc4")
GREYS = ("#6e7781", "#59636e", "#8b949e")
VARIABLES = {
    PAPER: "--paper",
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    BAND: "--margin",
    **{colour: f"--series-{i}" for i, colour in enumerate(SERIES)},
    **{colour: f"--grey-{i}" for i, colour in enumerate(GREYS)},
}
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1, 1.5)))


def line_style(model: str, models: list[str], baselines: list[str]) -> dict[str, Any]:
    """Colour and dashes of a model among all: networks in colour, baselines in dashed grey."""
    style = _style(model, models, baselines)
    colour = chosen_colour(model)
    return {**style, "color": colour} if colour else style


def _style(model: str, models: list[str], baselines: list[str]) -> dict[str, Any]:
    if model in baselines:
        place = list(dict.fromkeys([*BASELINES, *baselines])).index(model)
        dashes = _DASHES[1 + (place + place // len(GREYS)) % (len(_DASHES) - 1)]
        return {"color": GREYS[place % len(GREYS)], "linestyle": dashes, "linewidth": 1.4}
    place = [name for name in models if name not in baselines].index(model)
    return {
        "color": SERIES[place % len(SERIES)],
        "linestyle": _DASHES[place // len(SERIES) % len(_DASHES)],
    }

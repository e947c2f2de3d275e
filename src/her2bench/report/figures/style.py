"""One style for all figures, and a figure as SVG, PNG, PDF and CSV files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from her2bench.core.atomic_io import replacing
from her2bench.core.runs import write_text
from her2bench.core.tables import write_table
from her2bench.report.figures.inline import inlined
from her2bench.report.figures.palette import GRID, INK, MUTED, PAPER

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "her2bench",
    "pdf.fonttype": 42,  # editable text
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
ENDINGS = ("svg", "png", "pdf", "csv")
"""The files of each figure."""


@dataclass(frozen=True)
class Drawn:
    """A figure of the report.

    Args:
        name: of its files in `figures/`, without ending.
        title: what it shows, in a few words; for the ear too.
        svg: the SVG for the page.
        narrow: the same with its panels one below the other, for a phone; empty where the
            drawing has one panel.
    """

    name: str
    title: str
    svg: str
    narrow: str = ""


class Sheet:
    """A figure being drawn: `axes` (the first of `panels`) to draw on, `drawn` once it is kept."""

    def __init__(self, width: float, height: float, panels: tuple[int, int] = (1, 1)) -> None:
        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.panels: list[Axes] = list(self.figure.subplots(*panels, squeeze=False).flat)
        self.axes = self.panels[0]
        self.drawn: Drawn

    def svg(self) -> str:
        """The figure as the text of an SVG file, the same whenever it is drawn."""
        text = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self.figure.savefig(text, format="svg", metadata=nothing)
        return text.getvalue()

    def keep(self, folder: Path, name: str, title: str, data: pl.DataFrame) -> None:
        """Write `<name>.svg`, `.png`, `.pdf` and `.csv`, the same whenever they are drawn."""
        text = self.svg()
        write_text(folder / f"{name}.svg", text)
        with replacing(folder / f"{name}.png") as temporary:
            self.figure.savefig(temporary, dpi=200, metadata={"Software": None})
        with replacing(folder / f"{name}.pdf") as temporary:
            nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
            self.figure.savefig(temporary, format="pdf", metadata=nothing)
        write_table(data, folder / f"{name}.csv")
        self.drawn = Drawn(name, title, inlined(text, name, title))


@contextmanager
def sheet(
    folder: Path,
    name: str,
    title: str,
    data: pl.DataFrame,
    size: tuple[float, float],
    panels: tuple[int, int] = (1, 1),
) -> Iterator[Sheet]:
    """Draw inside the block; afterwards the figure is written and `drawn` is there.

    Args:
        folder: `figures/` of the comparison.
        name: of the files, without ending.
        title: what the figure shows.
        data: the numbers behind it.
        size: width and height in inches.
        panels: rows and columns of axes.
    """
    with mpl.rc_context(STYLE):
        page = Sheet(*size, panels)
        yield page
        page.keep(folder, name, title, data)

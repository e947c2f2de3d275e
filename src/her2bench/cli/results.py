"""Printing the results of a comparison as a table."""

import json

import polars as pl
from rich.console import Console
from rich.table import Table

from her2bench.core.runs import ComparisonFolder
from her2bench.report.table import METRICS


def print_results(folder: ComparisonFolder) -> None:
    """Print models x splits with their metrics, the notes, and where the report lies."""
    # Piped output has no width of its own; a table squeezed into 80 columns cannot be read.
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    console.print(_table(pl.read_csv(folder.table)))
    scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    for note in scores["notes"]:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print("2+ is equivocal; research use only, not for diagnosis.", style="dim")
    console.print(f"report: {folder.report}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: pl.DataFrame) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("split")
    names = ["tiles", *METRICS.values(), "parameters", "train s", "tiles/s"]
    for name in names:
        table.add_column(name, justify="right")
    before = None
    for row in rows.iter_rows(named=True):
        first = row["model"] != before
        before = row["model"]
        cells = [row["model"] if first else "", row["split"], str(row["tiles"])]
        cells += [_value(row, metric) for metric in METRICS]
        cost = [row["parameters"], row["train_seconds"], row["tiles_per_second"]]
        cells += [f"{v:,.0f}" if first and v is not None else "" for v in cost]
        table.add_row(*cells, end_section=False)
    return table


def _value(row: dict, metric: str) -> str:
    value, low, high = (row.get(f"{metric}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "undefined"
    text = f"{value:.3f}"
    if row["split"] == "test" and low is not None:
        text += f" [{low:.2f}, {high:.2f}]"
    return text

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
        console = Console(width=140)
    console.print(_table(pl.read_csv(folder.table)))
    scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    for row in scores.get("optimism", []):
        if row["metric"] in ("roc_auc", "balanced_accuracy"):
            text = "{model}: {metric} {value:.3f}, with random tiles {random_tiles:.3f}"
            text += " (flattered by {flattered_by:+.3f})"
            console.print(text.format_map(row), markup=False, highlight=False, soft_wrap=True)
    for note in scores["notes"]:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print("2+ is equivocal; research use only, not for diagnosis.", style="dim")
    console.print(f"report: {folder.report}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: pl.DataFrame) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("model", "split"):
        table.add_column(name, no_wrap=True)
    for name in ("tiles", *METRICS.values(), "parameters", "train s", "tiles/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in rows["model"].unique(maintain_order=True):
        for number, row in enumerate(rows.filter(pl.col("model") == model).to_dicts()):
            cost = [row["parameters"], row["train_seconds"], row["tiles_per_second"]]
            table.add_row(
                model if number == 0 else "",
                row["split"],
                str(row["tiles"]),
                *(_value(row, metric) for metric in METRICS),
                *(f"{value:,.0f}" if number == 0 and value is not None else "" for value in cost),
            )
    return table


def _value(row: dict, metric: str) -> str:
    """The value; under it, for test tiles, its interval."""
    value, low, high = (row[f"{metric}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "undefined"
    interval = f"\n{low:.2f}–{high:.2f}" if row["split"] == "test" and low is not None else ""
    return f"{value:.3f}{interval}"

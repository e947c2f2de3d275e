"""Printing the results of a comparison as a table."""

import json

import polars as pl
from rich.console import Console
from rich.table import Table

from her2bench.cli.score_text import verdict_table
from her2bench.core.findings import read_audit
from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.pairs import Pair
from her2bench.evaluation.questions import TITLES, UNKNOWN_AGAIN, first_question
from her2bench.report.table import METRICS


def print_results(folder: ComparisonFolder) -> None:
    """Print models x splits with their metrics, the notes, and where the report lies."""
    # Piped output has no width of its own; a table squeezed into 80 columns cannot be read.
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    findings = read_audit(folder.audit).findings if folder.audit.is_file() else ()
    for finding in findings:
        if finding.severity == "serious":
            _say(console, f"in the data: {finding.title}", style="bold")
    for text in scores["notes"]:
        if text.startswith(FIRST):
            _say(console, text, style="bold")
    console.print(_table(pl.read_csv(folder.table)))
    console.print()
    console.print(_verdicts(scores))
    for row in scores["optimism"]:
        if row["metric"] == scores["settings"]["primary"]:
            text = "{model}: {metric} {value:.3f}, with random tiles {random_tiles:.3f} "
            _say(console, (text + "(flattered by {flattered_by:+.3f})").format_map(row))
    for text in scores["notes"]:
        if not text.startswith((*FIRST, *LEFT_TO_THE_REPORT)):
            _say(console, f"note: {text}")
    warnings = sum(finding.severity == "warning" for finding in findings)
    if warnings:
        _say(console, f"the audit of the data has {warnings} warning(s): {folder.audit_page}")
    _say(console, "2+ is equivocal. Research use only, not for diagnosis.")
    _say(console, f"report: {folder.report}")


FIRST = ("SLIDES UNKNOWN", "The split is by random tiles")  # they void the numbers
LEFT_TO_THE_REPORT = ("Undefined for", "Few slides (train)", "Few slides (val)")


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def _verdicts(scores: dict) -> Table:
    """The networks against each other and against the DAB baseline, on the primary metric."""
    primary = scores["settings"]["primary"]
    pairs = [Pair(**p) for p in scores["pairs"] if p["metric"] == primary]
    recipes = [(p.family, p.decision) for p in pairs if p.question == "recipe"]
    question = first_question(recipes)
    wanted = [
        pair
        for pair in pairs
        if pair.question == question
        and not {pair.model_a, pair.model_b} & {"always_positive", "background_baseline"}
    ]
    asked = TITLES[question] + ("" if question == "recipe" else f"; {UNKNOWN_AGAIN}")
    title = f"Differences in {METRICS.get(primary, primary)} on test tiles. {asked}"
    return verdict_table(wanted, title)


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

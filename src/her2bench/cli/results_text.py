"""Printing the results of a comparison as a table."""

import polars as pl
from rich.table import Table

from her2bench.cli.score_text import verdict_table
from her2bench.core.audit_findings import read_audit
from her2bench.core.console import Terminal
from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_notes import Note
from her2bench.core.scores import Scores, read_scores
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.questions import TITLES, UNKNOWN_AGAIN, first_question
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.formats import rate
from her2bench.report.table_csv import column_label, metric_columns


def print_results(folder: ComparisonFolder) -> None:
    """Print models x splits with their metrics, the notes, and the path of the report."""
    # Piped output has no width; 80 columns are too narrow for the table.
    console = Terminal(piped=140)
    scores = read_scores(folder.scores)
    findings = read_audit(folder.audit).findings if folder.audit.is_file() else ()
    for finding in findings:
        if finding.severity == "serious":
            console.say(f"in the data: {finding.title}", style="bold")
    for note in scores.notes:
        if note.severity == "serious":
            console.say(note.in_full, style="bold")
    console.print(_table(pl.read_csv(folder.table)))
    if scores.pairs:
        console.print()
        console.print(_verdicts(scores))
    for row in scores.optimism:
        if row.metric == scores.settings["primary"]:
            console.say(
                f"{row.model}: {row.metric} {row.value:.3f}, with random tiles "
                f"{row.random_tiles:.3f} (optimism {row.optimism:+.3f})"
            )
    for note in scores.notes:
        if note.severity != "serious" and not _left_to_the_report(note):
            console.say(f"note: {note.in_full}")
    warnings = sum(finding.severity == "warning" for finding in findings)
    if warnings:
        console.say(f"the audit of the data has {warnings} warning(s): {folder.audit_page}")
    console.say("2+ is equivocal. Research use only, not for diagnosis.")
    console.say(f"report: {folder.report}")


def _left_to_the_report(note: Note) -> bool:
    few = note.kind == "few_slides" and note.split != "test"
    return few or note.kind == "undefined_metrics"


def _verdicts(scores: Scores) -> Table:
    """The networks against each other and against the DAB baseline, on the primary metric."""
    primary = scores.settings["primary"]
    pairs = [pair for pair in scores.pairs if pair.metric == primary]
    recipes = [(p.family, p.decision) for p in pairs if p.question == "recipe"]
    question = first_question(recipes)
    others = BASELINES.keys() - {"dab_baseline"}
    wanted = [
        pair
        for pair in pairs
        if pair.question == question and not {pair.model_a, pair.model_b} & others
    ]
    asked = TITLES[question] + ("" if question == "recipe" else f"; {UNKNOWN_AGAIN}")
    title = f"Differences in {METRICS[primary].label} on test tiles. {asked}"
    return verdict_table(wanted, title)


def _table(rows: pl.DataFrame) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    metrics = {m: column for m, column in metric_columns().items() if column in rows.columns}
    for name in ("model", "split"):
        table.add_column(name, no_wrap=True)
    for name in ("tiles", *map(column_label, metrics), "parameters", "train s", "tiles/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in rows["model"].unique(maintain_order=True):
        for number, row in enumerate(rows.filter(pl.col("model") == model).to_dicts()):
            cost = [row["parameters"], row["train_seconds"], row["tiles_per_second"]]
            table.add_row(
                model if number == 0 else "",
                row["split"],
                str(row["tiles"]),
                *(_value(row, column) for column in metrics.values()),
                *(rate(value) if number == 0 and value is not None else "" for value in cost),
            )
    return table


def _value(row: dict, column: str) -> str:
    """The value; for test tiles with its interval below."""
    value, low, high = (row[f"{column}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "undefined"
    interval = f"\n{low:.2f}–{high:.2f}" if row["split"] == "test" and low is not None else ""
    return f"{value:.3f}{interval}"

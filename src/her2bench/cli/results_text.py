"""Printing the results of a comparison: the answer first, the path of the report last."""

import polars as pl
from rich.table import Table

from her2bench.cli.score_text import print_details, print_levels
from her2bench.core.audit_findings import read_audit
from her2bench.core.console import Terminal
from her2bench.core.display import shown_as
from her2bench.core.report_settings import report_settings
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Scores, read_scores
from her2bench.core.text import plural
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.report.formats import large, rate
from her2bench.report.unit import in_unit, unit_of


def print_results(folder: ComparisonFolder, details: bool = False) -> None:
    """Print the verdict, one line per model, the cautions, and the path of the report.

    Args:
        folder: a finished comparison.
        details: also all splits, metrics, pairs and notes, and what each model costs.
    """
    scores = read_scores(folder.scores)
    config = folder.settings()
    console = Terminal(piped=80, worded=in_unit(unit_of(config)))
    with shown_as(report_settings(config, folder.config).names):
        print_levels(console, scores, config)
        _print_optimism(console, scores)
        if details:
            print_details(console, scores)
            console.print(_costs(pl.read_csv(folder.table)))
    console = Terminal(piped=80)  # paths are shown as they are
    _print_audit(console, folder)
    console.print("2+ is equivocal. Research use only, not for diagnosis.")
    if not details:
        console.print("All metrics, splits, pairs and notes: --details")
    console.say(f"report: {folder.report}")


def _print_audit(console: Terminal, folder: ComparisonFolder) -> None:
    findings = read_audit(folder.audit).findings if folder.audit.is_file() else ()
    for finding in findings:
        if finding.severity == "serious":
            console.print(f"in the data: {finding.title}", style="bold red")
    warnings = sum(finding.severity == "warning" for finding in findings)
    if warnings:
        number = f"{warnings} {plural(warnings, 'warning')}"
        console.say(f"the audit of the data has {number}: {folder.audit_page}")


def _print_optimism(console: Terminal, scores: Scores) -> None:
    for row in scores.optimism:
        if row.metric == scores.settings["primary"]:
            console.print(
                f"{model_label(row.model)}: {label_of(row.metric)} {row.value:.3f}, with random "
                f"tiles {row.random_tiles:.3f} (optimism {row.optimism:+.3f})"
            )


def _costs(rows: pl.DataFrame) -> Table:
    """The size, work and speed of each model, where it was measured."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", overflow="fold")
    for title, _ in _COSTS.values():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows.unique("model", maintain_order=True).to_dicts():
        cells = [(row.get(name), written) for name, (_, written) in _COSTS.items()]
        label = model_label(row["model"])
        table.add_row(label, *("" if v is None else written(v) for v, written in cells))
    return table


_COSTS = {
    "parameters": ("parameters", rate),
    "multiply_adds": ("multiply-adds", large),
    "train_seconds": ("train s", rate),
    "tiles_per_second": ("tiles/s", rate),
    "predict_tiles_per_second": ("predict/s", rate),
}
"""Column of table.csv → its title, and how a value is written; memory is in the report."""

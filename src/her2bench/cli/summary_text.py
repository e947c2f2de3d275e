"""The results in 80 columns: the verdict as a sentence, one line per model, the cautions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table

from her2bench.core.console import Terminal
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Row, Scores
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.scoring.ensembles import made_of
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.statistics.roc_points import point_label
from her2bench.report.inputs import ReportInputs
from her2bench.report.labels import relabelled
from her2bench.report.sections.summary import Answer, answer

_SHOWN = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy")
_OF_SCORES = ("quadratic_kappa", "score_accuracy", "within_one")
_LONGEST_WORD = 11


def print_summary(console: Terminal, scores: Scores, config: Mapping[str, Any]) -> None:
    """Print the verdict, serious notes, one line per model, and the other cautions.

    Args:
        console: where.
        scores: what.
        config: `models` and `baselines`, in their order; may be empty.
    """
    split, rows = shown_rows(scores)
    said = _answer(scores, config)
    console.print(said.headline, style="bold")
    console.print()
    for note in scores.notes:
        if note.severity == "serious":
            console.print(relabelled(note.in_full), style="bold red")
            console.print()
    if rows:
        console.print(title(rows[0], scores))
        console.print(_models(rows, scores))
        points = _points(rows, scores.settings["primary"])
        for line in (*points, *_thresholds(scores), *map(made_of, scores.ensembles)):
            console.print(line)
        console.print()
    for sentence in said.baselines:
        console.print(sentence)
    # Where a baseline is not beaten, the sentences above name all models at once.
    said_above = "no_better_than_baseline" if said.baselines else None
    for note in scores.notes:
        shown = note.severity == "warning" and note.split in (split, None)
        if shown and note.kind != said_above:
            console.print(relabelled(note.in_full))


def _points(rows: list[Row], primary: str) -> list[str]:
    """The points of the ROC curve that were asked for, and agreement of the scores: a line each."""
    points: dict[str, list[str]] = {}
    for row in rows:
        label = point_label(row.metric)
        if row.metric in _OF_SCORES and row.metric != primary:  # its own column has that
            label = label_of(row.metric)
        if label:
            points.setdefault(label, []).append(f"{model_label(row.model)} {with_interval(row)}")
    return [f"{label}: {'; '.join(values)}" for label, values in points.items()]


def _thresholds(scores: Scores) -> list[str]:
    """The thresholds that were chosen, where each model has one; the report lists those of runs."""
    chosen = {each.model: each for each in scores.thresholds if each.source == "val"}
    if len(chosen) < len(scores.thresholds):
        return []
    return [
        f"{model_label(model)}: positive above p = {each.probability:.3f}, chosen on validation"
        for model, each in chosen.items()
    ]


def shown_rows(scores: Scores) -> tuple[str | None, list[Row]]:
    """The split that is shown and its rows: test; where there is none, validation or training."""
    present = {row.split for row in scores.rows}
    split = next((name for name in ("test", "val", "train") if name in present), None)
    return split, [row for row in scores.rows if row.split == split]


def title(row: Row, scores: Scores) -> str:
    """What the rows of a split are about."""
    unknown = {note.split for note in scores.notes if note.kind == "slides_unknown"}
    intervals = f"{scores.settings['confidence']:.0%} intervals"
    if row.level == "slide":
        return f"{row.split}: {row.groups} slides; {intervals}, slides as independent"
    if row.split in unknown:
        return f"{row.split}: {row.tiles} tiles; {intervals}, tiles taken as independent"
    return f"{row.split}: {row.tiles} tiles, {row.groups} slides; {intervals}, clustered by slide"


def _answer(scores: Scores, config: Mapping[str, Any]) -> Answer:
    """The verdicts; they need no predictions, only which models have some."""
    columns = {"model": [row.model for row in scores.rows], "split": [r.split for r in scores.rows]}
    present, none = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), pl.DataFrame()
    folder = ComparisonFolder(Path())
    return answer(ReportInputs(folder, dict(config), scores, present, none, none, none, none))


def _models(rows: list[Row], scores: Scores) -> Table:
    """One line per model; a long name is folded, a number never cut."""
    primary, confidence = scores.settings["primary"], f"{scores.settings['confidence']:.0%}"
    by_key = {(row.model, row.metric): row for row in rows}
    metrics = [primary, *(name for name in _SHOWN if name != primary)][: len(_SHOWN)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    table.add_column(f"{label_of(primary)}\n({confidence} CI)", no_wrap=True, overflow="fold")
    for name in metrics[1:]:
        label = label_of(name)
        label = label.replace(" ", "\n") if len(label) > _LONGEST_WORD else label
        table.add_column(label, justify="right", no_wrap=True, overflow="fold")
    for model in dict.fromkeys(row.model for row in rows):
        found = [by_key.get((model, name)) for name in metrics]
        table.add_row(
            model_label(model), with_interval(found[0]), *(value(row) for row in found[1:])
        )
    return table


def value(row: Row | None) -> str:
    """Three decimals, or `undefined`; empty where the metric was not asked for."""
    if row is None:
        return ""
    return "undefined" if row.value is None else f"{row.value:.3f}"


def with_interval(row: Row | None, digits: int = 3) -> str:
    """The value and its interval, where there is one."""
    if row is None or row.value is None or row.low is None or row.high is None:
        return value(row)
    return f"{row.value:.3f} ({row.low:.{digits}f} to {row.high:.{digits}f})"

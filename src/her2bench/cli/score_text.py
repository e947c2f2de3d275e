"""Scores as text for a terminal: the summary, and all tables and notes where asked for."""

from collections.abc import Mapping
from typing import Any

from rich.padding import Padding
from rich.table import Table

from her2bench.cli.subgroup_text import print_subgroups
from her2bench.cli.summary_text import print_summary, title, with_interval
from her2bench.core.console import Terminal
from her2bench.core.score_notes import Note
from her2bench.core.scores import Pair, Row, Scores, ScoreTable
from her2bench.core.vocabulary import SCORES, model_label
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.metric_intervals import MINIMUM_SEEDS
from her2bench.evaluation.scoring.questions import TITLES
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.labels import relabelled

CELL = 25  # columns of the terminal


def print_scores(scores: Scores, details: bool = False) -> None:
    """Print the verdict, one line per model and the cautions; `details`: everything."""
    console = Terminal(piped=80)
    print_levels(console, scores, {})
    if details:
        print_details(console, scores)
    else:
        console.print("All metrics, splits, pairs and notes: --details")


def print_levels(console: Terminal, scores: Scores, config: Mapping[str, Any]) -> None:
    """Print the summary of the tiles and, where they were scored too, that of the slides."""
    print_summary(console, scores, config)
    if scores.slide is not None:
        console.print()
        console.print("Slides", style="bold underline")
        print_summary(console, scores.slide, config)


def print_details(console: Terminal, scores: Scores) -> None:
    """Print all metrics of all splits, all pairs on the primary metric, and all notes."""
    console.print()
    for split in dict.fromkeys(row.split for row in scores.rows):
        rows = [row for row in scores.rows if row.split == split]
        models = list(dict.fromkeys(row.model for row in rows))
        label = max(len(label_of(row.metric)) for row in rows) + 2
        for some in batches(models, max((console.width - label) // CELL, 1)):
            console.print(_metrics(rows, some, title(rows[0], scores)))
            console.print()
    for table in scores.score_tables:
        console.print(score_table(table))
        console.print()
    _print_verdicts(console, scores)
    print_subgroups(console, scores)
    _print_notes(console, scores)
    if scores.slide is not None:
        console.print()
        console.print("Slides", style="bold underline")
        print_details(console, scores.slide)


def _print_notes(console: Terminal, scores: Scores) -> None:
    """Print the notes; those of one kind about several models or pairs under one title."""
    alike: dict[tuple[str, str | None], list[Note]] = {}
    for note in scores.notes:
        if note.severity != "serious":  # those come first
            alike.setdefault((note.kind, note.split), []).append(note)
    for (_, split), notes in alike.items():
        if len(notes) == 1:
            console.print(Padding(relabelled(notes[0].in_full), (0, 0, 0, 2)))
            continue
        console.print(f"  {notes[0].title}{f' ({split})' if split else ''}:")
        for note in notes:
            console.print(Padding(relabelled(note.text), (0, 0, 0, 4)))


def _metrics(rows: list[Row], models: tuple[str, ...], about: str) -> Table:
    table = Table(title=about, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for model in models:
        table.add_column(model_label(model), overflow="fold", min_width=CELL - 2)
    by_key = {(row.model, row.metric): row for row in rows}
    for name in _ordered(rows):
        cells = [with_interval(by_key.get((model, name))) for model in models]
        table.add_row(label_of(name), *cells)
    return table


def score_table(table: ScoreTable) -> Table:
    """The scores 0 to 3+, reference by prediction, in tiles or slides averaged over seeds."""
    title = f"{model_label(table.model)}, {table.split} {table.unit}s by score"
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    shown.add_column("reference")
    for score in SCORES:
        shown.add_column(f"predicted {score}", justify="right", no_wrap=True)
    for score, counts in zip(SCORES, table.counts, strict=True):
        shown.add_row(score, *(f"{count:.1f}".removesuffix(".0") for count in counts))
    return shown


def _ordered(rows: list[Row]) -> list[str]:
    """The metrics of the rows; extra rows come before the first metric of probabilities."""
    present = dict.fromkeys(row.metric for row in rows)
    names = [name for name in METRICS if name in present]
    place = [METRICS[name].sees for name in names].index("probabilities")
    extra = [name for name in present if name not in METRICS]
    return [*names[:place], *extra, *names[place:]]


def _print_verdicts(console: Terminal, scores: Scores) -> None:
    primary = [pair for pair in scores.pairs if pair.metric == scores.settings["primary"]]
    label = METRICS[scores.settings["primary"]].label
    for question, asking in TITLES.items():
        asked = [pair for pair in primary if pair.question == question]
        answered = [pair for pair in asked if pair.decision != "unanswered"]
        if answered:
            console.print(verdict_table(answered, f"{asking}: {label}"))
        if len(answered) < len(asked):
            every = "any of the pairs" if not answered else f"{len(asked) - len(answered)} pairs"
            console.print(
                f"{asking}: not available for {every}; at least {MINIMUM_SEEDS} seeds of each "
                "model are needed."
            )
        if asked:
            console.print()


def verdict_table(pairs: list[Pair], title: str) -> Table:
    """One row per pair: difference with its interval, adjusted p-value, verdict in words."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("", "difference", "p (Holm)", "verdict"):
        table.add_column(name, overflow="fold")
    for pair in pairs:
        table.add_row(
            f"{model_label(pair.model_a)} – {model_label(pair.model_b)}",
            _difference(pair),
            "" if pair.p_adjusted is None else f"{pair.p_adjusted:.3g}",
            relabelled(pair.verdict),
        )
    return table


def _difference(pair: Pair) -> str:
    if pair.difference is None:
        return "undefined"
    if pair.low is None or pair.high is None:
        return f"{pair.difference:+.3f}"
    return f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f})"


def batches(items: list[str], size: int) -> list[tuple[str, ...]]:
    """Items in tuples of at most `size`."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]

"""Scores as text for a terminal: a table of metrics, the verdicts, the notes."""

from rich.padding import Padding
from rich.table import Table

from her2bench.core.console import Terminal
from her2bench.evaluation.extra_rows import label_of
from her2bench.evaluation.metrics import METRICS
from her2bench.evaluation.pairs import Pair
from her2bench.evaluation.questions import TITLES
from her2bench.evaluation.row_intervals import MINIMUM_SEEDS
from her2bench.evaluation.rows import Row
from her2bench.evaluation.scores import Scores

CELL = 25  # columns of the terminal


def print_scores(scores: Scores) -> None:
    """Print notes first (what a reader must know), then test metrics and verdicts."""
    console = Terminal()
    loud, quiet = _by_weight(scores.notes)
    for note in loud:
        console.print(note, style="bold")
        console.print()
    splits = [row.split for row in scores.rows]
    split = "test" if "test" in splits else splits[-1]
    rows = [row for row in scores.rows if row.split == split]
    models = list(dict.fromkeys(row.model for row in rows))
    label = max(len(label_of(row.metric)) for row in rows) + 2
    for some in batches(models, max((console.width - label) // CELL, 1)):
        console.print(_metrics(rows, some, split, scores.settings.confidence))
        console.print()
    _print_verdicts(console, scores)
    for note in quiet:
        console.print(Padding(note, (0, 0, 0, 2)))


def _by_weight(notes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The notes that void the numbers below them, and the others."""
    loud = [note for note in notes if note.startswith(("DIFFERENT TILES", "SLIDES UNKNOWN"))]
    return loud, [note for note in notes if note not in loud]


def _metrics(rows: list[Row], models: tuple[str, ...], split: str, confidence: float) -> Table:
    first = rows[0]
    independent = any("independent" in row.method for row in rows)
    group = "tiles taken as independent" if independent else "clustered by slide"
    title = (
        f"{split}: {first.tiles} tiles, {first.groups} groups; {confidence:.0%} intervals, {group}"
    )
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for model in models:
        table.add_column(model, no_wrap=True)
    by_key = {(row.model, row.metric): row for row in rows}
    for name in _ordered(rows):
        cells = [_cell(by_key.get((model, name))) for model in models]
        table.add_row(label_of(name), *cells)
    return table


def _ordered(rows: list[Row]) -> list[str]:
    """The rows' metrics; what else there is stands before the first that judges probabilities."""
    names = list(dict.fromkeys([*METRICS, *(row.metric for row in rows)]))
    place, extra = names.index("brier"), names[len(METRICS) :]
    return [*names[:place], *extra, *names[place : len(METRICS)]]


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    if row.value is None:
        return "undefined"
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"


def _print_verdicts(console: Terminal, scores: Scores) -> None:
    primary = [pair for pair in scores.pairs if pair.metric == scores.settings.primary]
    label = METRICS[scores.settings.primary].label
    for question, title in TITLES.items():
        asked = [pair for pair in primary if pair.question == question]
        answered = [pair for pair in asked if pair.decision != "unanswered"]
        if answered:
            console.print(verdict_table(answered, f"{title}: {label}"))
        if len(answered) < len(asked):
            every = "any of the pairs" if not answered else f"{len(asked) - len(answered)} pairs"
            console.print(
                f"{title}: cannot be answered for {every}; at least {MINIMUM_SEEDS} seeds of each "
                "model are needed."
            )
        if asked:
            console.print()


def verdict_table(pairs: list[Pair], title: str) -> Table:
    """A row a pair: difference with its interval, adjusted p-value, verdict in words."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("", "difference", "p (Holm)", "verdict"):
        table.add_column(name)
    for pair in pairs:
        table.add_row(
            f"{pair.model_a} – {pair.model_b}",
            _difference(pair),
            "" if pair.p_adjusted is None else f"{pair.p_adjusted:.3g}",
            pair.verdict,
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

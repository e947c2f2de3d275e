"""Scores as text for a terminal: a table of metrics, the verdicts, the notes."""

from rich.padding import Padding
from rich.table import Table

from her2bench.core.console import Terminal
from her2bench.core.scores import Pair, Row, Scores
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.metric_intervals import MINIMUM_SEEDS
from her2bench.evaluation.scoring.questions import TITLES
from her2bench.evaluation.statistics.metrics import METRICS

CELL = 25  # columns of the terminal


def print_scores(scores: Scores) -> None:
    """Print serious notes first, then test metrics and verdicts."""
    console = Terminal()
    for note in scores.notes:
        if note.severity == "serious":
            console.print(note.in_full, style="bold")
            console.print()
    splits = [row.split for row in scores.rows]
    split = "test" if "test" in splits else splits[-1]
    rows = [row for row in scores.rows if row.split == split]
    models = list(dict.fromkeys(row.model for row in rows))
    label = max(len(label_of(row.metric)) for row in rows) + 2
    for some in batches(models, max((console.width - label) // CELL, 1)):
        console.print(_metrics(rows, some, _title(rows[0], scores)))
        console.print()
    _print_verdicts(console, scores)
    for note in scores.notes:
        if note.severity != "serious":
            console.print(Padding(note.in_full, (0, 0, 0, 2)))


def _title(row: Row, scores: Scores) -> str:
    unknown = {note.split for note in scores.notes if note.kind == "slides_unknown"}
    group = "tiles taken as independent" if row.split in unknown else "clustered by slide"
    intervals = f"{scores.settings['confidence']:.0%} intervals, {group}"
    return f"{row.split}: {row.tiles} tiles, {row.groups} groups; {intervals}"


def _metrics(rows: list[Row], models: tuple[str, ...], title: str) -> Table:
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
    """The metrics of the rows; extra rows come before the first metric of probabilities."""
    present = dict.fromkeys(row.metric for row in rows)
    names = [name for name in METRICS if name in present]
    place = [METRICS[name].sees for name in names].index("probabilities")
    extra = [name for name in present if name not in METRICS]
    return [*names[:place], *extra, *names[place:]]


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    if row.value is None:
        return "undefined"
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"


def _print_verdicts(console: Terminal, scores: Scores) -> None:
    primary = [pair for pair in scores.pairs if pair.metric == scores.settings["primary"]]
    label = METRICS[scores.settings["primary"]].label
    for question, title in TITLES.items():
        asked = [pair for pair in primary if pair.question == question]
        answered = [pair for pair in asked if pair.decision != "unanswered"]
        if answered:
            console.print(verdict_table(answered, f"{title}: {label}"))
        if len(answered) < len(asked):
            every = "any of the pairs" if not answered else f"{len(asked) - len(answered)} pairs"
            console.print(
                f"{title}: not available for {every}; at least {MINIMUM_SEEDS} seeds of each "
                "model are needed."
            )
        if asked:
            console.print()


def verdict_table(pairs: list[Pair], title: str) -> Table:
    """One row per pair: difference with its interval, adjusted p-value, verdict in words."""
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

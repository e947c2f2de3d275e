"""Subgroups as text for a terminal: the primary metric by each column, and the tests."""

from rich.table import Table

from her2bench.core.console import Terminal
from her2bench.core.score_parts import Interaction, Subgroup
from her2bench.core.scores import Scores
from her2bench.evaluation.scoring.extra_rows import label_of


def print_subgroups(console: Terminal, scores: Scores) -> None:
    """Print the primary metric of every model by each column, and the tests on it."""
    primary = scores.settings.get("primary")
    for column in dict.fromkeys(each.column for each in scores.subgroups):
        rows = [s for s in scores.subgroups if (s.column, s.metric) == (column, primary)]
        tests = [t for t in scores.interactions if (t.column, t.metric) == (column, primary)]
        console.print(_values(rows, column))
        console.print()
        if tests:
            console.print(_tests(tests, column))
            console.print()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _values(rows: list[Subgroup], column: str) -> Table:
    table = _table(f"{label_of(rows[0].metric)} by {column}", "", column, "slides", "value")
    for row in rows:
        value = "undefined" if row.value is None else f"{row.value:.3f}{_ends(row.low, row.high)}"
        table.add_row(row.model, row.subgroup, str(row.groups), value)
    return table


def _tests(tests: list[Interaction], column: str) -> Table:
    title = f"Does {label_of(tests[0].metric)} depend on {column}?"
    table = _table(title, "", "subgroup", "contrast", "p (Holm)")
    for test in tests:
        about = test.model_a if test.model_b is None else f"{test.model_a} – {test.model_b}"
        contrast = "" if test.contrast is None else f"{test.contrast:+.3f}"
        p = "" if test.p_adjusted is None else f"{test.p_adjusted:.3g}"
        table.add_row(
            about, f"{test.subgroup} – {test.others}", contrast + _ends(test.low, test.high, "+"), p
        )
    return table


def _ends(low: float | None, high: float | None, sign: str = "") -> str:
    if low is None or high is None:
        return " (no interval)"
    return f" ({low:{sign}.3f} to {high:{sign}.3f})"

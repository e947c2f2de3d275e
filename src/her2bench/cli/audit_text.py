"""The audit's findings as text for a terminal: worst first, each with its effect and cure."""

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from her2bench.core.findings import Audit, Finding

_STYLES = {"serious": "bold red", "warning": "bold yellow", "note": "bold"}
_FEW = 3


def print_audit(audit: Audit, page: Path, groups: Path | None = None) -> None:
    """Print all findings, what was clean, what could not be looked for, and where the files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100)
    for finding in audit.findings:
        _print_finding(console, finding)
    if not audit.findings:
        console.print(f"Nothing found in {audit.tiles:,} tiles that would fool a comparison.")
    if audit.clean:
        _say(console, f"looked for and not found: {', '.join(audit.clean)}")
    for name, why in audit.left_out.items():
        _say(console, f"could not be looked for: {name}: {why}")
    _say(console, "Research use only, not for diagnosis.")
    if groups is not None:
        _say(console, f"manifest with the estimated slides: {groups}")
    _say(console, f"page: {page}")


def _print_finding(console: Console, finding: Finding) -> None:
    head = Text.assemble((finding.severity.upper(), _STYLES[finding.severity]), " ", finding.title)
    console.print(head)
    about = _about(finding)
    for text in (about, finding.effect, f"Cure: {finding.cure}"):
        if text:
            console.print(Padding(Text(text), (0, 0, 0, 4)))
    console.print()


def _about(finding: Finding) -> str:
    """A few names and how many more.

    >>> texts = {"title": "t", "unit": "tiles", "effect": "", "cure": ""}
    >>> _about(Finding(kind="k", severity="note", number=2, tiles=(("a", "b"), ("c",)), **texts))
    'Tiles: a + b, c'
    """
    tiles = [" + ".join(part) for part in finding.tiles]
    parts = [
        f"{name}: {', '.join(items[:_FEW])}" + (f" and {more:,} more" if more > 0 else "")
        for name, items in (("Tiles", tiles), ("Slides", list(finding.slides)))
        if items and (more := len(items) - _FEW) is not None
    ]
    return "\n".join(parts)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)

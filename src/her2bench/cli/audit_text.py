"""The audit's findings as text for a terminal: the serious ones, or all where asked for."""

from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from her2bench.core.audit_findings import Audit, Finding
from her2bench.core.console import Terminal
from her2bench.core.terminal import readable
from her2bench.core.text import plural
from her2bench.report.sections.audit_view import counted

_STYLES = {"serious": "bold red", "warning": "bold yellow", "note": "bold"}
_FEW = 3


def print_audit(
    audit: Audit, page: Path, groups: Path | None = None, details: bool = False
) -> None:
    """Print the findings, the checks without findings, the checks not run, and the file paths.

    Args:
        audit: what was found.
        page: the path of audit.html.
        groups: the manifest with the estimated slides, where one was written.
        details: all findings with effect and hint; else the serious ones' titles and the counts.
    """
    console = Terminal(piped=80)
    for finding in audit.findings:
        if details:
            _print_finding(console, finding)
        elif finding.severity == "serious":
            console.print(_title(finding))
    if not audit.findings:
        console.print(_nothing(audit))
    elif not details:
        console.print(f"{_tiles(audit)}: {counted(audit)}. All with effect and hint: --details")
    if audit.clean:
        console.print(f"checked, nothing found: {', '.join(audit.clean)}")
    for each in audit.left_out:
        console.print(f"not checked: {each.check}: {each.text}")
    console.print("Research use only, not for diagnosis.")
    if groups is not None:
        console.say(f"manifest with the estimated slides: {groups}")
    console.say(f"page: {page}")


def _print_finding(console: Terminal, finding: Finding) -> None:
    console.print(_title(finding))
    about = _about(finding)
    for text in (about, finding.effect, f"Hint: {finding.hint}"):
        if text:
            console.print(Padding(text, (0, 0, 0, 4), expand=False))
    console.print()


def _title(finding: Finding) -> Text:
    severity = (finding.severity.upper(), _STYLES[finding.severity])
    return Text.assemble(severity, " ", readable(finding.title))


def _tiles(audit: Audit) -> str:
    return f"{audit.tiles:,} {plural(audit.tiles, 'tile')}"


def _nothing(audit: Audit) -> str:
    if audit.unseen:
        return f"{_tiles(audit)}: too few can be read for data quality checks."
    return f"No data quality problem found in {_tiles(audit)}."


def _about(finding: Finding) -> str:
    """A few names and how many more.

    >>> texts = {"title": "t", "unit": "tiles", "effect": "", "hint": ""}
    >>> _about(Finding(kind="k", severity="note", number=2, tiles=(("a", "b"), ("c",)), **texts))
    'Tiles: a + b, c'
    """
    tiles = [_cut(part, " + ") for part in finding.tiles[:_FEW]]
    more = _more(finding.tiles, "" if all(len(part) == 1 for part in finding.tiles) else "set")
    about = [f"Tiles: {', '.join(tiles)}{more}"] if tiles else []
    about += [f"Slides: {_cut(finding.slides, ', ')}"] if finding.slides else []
    return "\n".join(about)


def _cut(names: Sequence[str], between: str) -> str:
    """The first names, and how many more.

    >>> _cut("abcde", " + ")
    'a + b + c and 2 more'
    """
    return between.join(names[:_FEW]) + _more(names)


def _more(items: Sequence[object], what: str = "") -> str:
    more = len(items) - _FEW
    noun = f" {plural(more, what)}" if what else ""
    return f" and {more:,} more{noun}" if more > 0 else ""

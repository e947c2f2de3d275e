"""Figures of a benchmark, written into a page of the docs."""

from collections.abc import Iterable
from pathlib import Path


def into_page(path: Path, name: str, lines: Iterable[str]) -> None:
    """Put lines into a page, between the two marks of that name."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{path} has no place for a table: write {start} and {end} into it")
    text = "\n".join(lines).strip("\n")  # Markdown wants blank lines around
    path.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", encoding="utf-8")

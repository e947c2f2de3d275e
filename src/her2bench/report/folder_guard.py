"""A report is only written inside its own folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder


def check_inside(folder: ComparisonFolder) -> None:
    """Refuse a folder in which a link or a pipe replaces a file of the report.

    Raises:
        UserError: a path leads outside the folder.
    """
    home = os.path.realpath(folder.path)
    for path in _written(folder):
        inside = Path(os.path.realpath(path)).is_relative_to(home)
        if not inside or (path.exists() and not (path.is_file() or path.is_dir())):
            raise UserError(
                path,
                found="leads out of the comparison folder" if not inside else "no regular file",
                expected="a file or folder of the comparison's own",
                hint="remove it; the report writes it again",
            )


def _written(folder: ComparisonFolder) -> Iterator[Path]:
    """The existing files and folders of the report."""
    runs = folder.path / "runs"
    places = (folder.report, folder.audit_page, folder.figures, *folder.figures.glob("*"), runs)
    cards = (path for model in runs.glob("*") for path in (model, model / "card.md"))
    yield from (path for path in (*places, *cards) if path.exists() or path.is_symlink())

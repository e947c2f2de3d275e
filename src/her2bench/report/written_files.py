"""What the report has written beside report.html; what it no longer shows is removed."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from her2bench.core.checksums import checksum, read_record, write_record
from her2bench.core.runs import ComparisonFolder

_RECORD = "written.toml"


def remove_outdated(folder: ComparisonFolder, written: Iterable[Path]) -> None:
    """Remove figures and cards of an earlier report that this one has not, such as a model's.

    A file is removed only if the earlier report wrote it and it was not changed since.

    Args:
        folder: a comparison.
        written: the figures and cards of this report.
    """
    record = folder.figures / _RECORD
    now = {path.relative_to(folder.path).as_posix(): checksum(path) for path in written}
    for name, known in _before(record).items():
        path = folder.path / name
        if name not in now and _is_inside(folder, path) and checksum(path) == known:
            path.unlink()
    write_record(record, now)


def _before(record: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):  # none yet, or damaged: nothing is known
        return read_record(record)
    return {}


def _is_inside(folder: ComparisonFolder, path: Path) -> bool:
    home = os.path.realpath(folder.path)
    return path.is_file() and Path(os.path.realpath(path)).is_relative_to(home)

"""Figures and cards that a report no longer has are removed; nothing else is."""

from pathlib import Path

import pytest

from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.report.written_files import remove_outdated


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    """A report has written figures of two models and the card of one."""
    folder = ComparisonFolder(tmp_path / "c")
    for path in files(folder):
        write_text(path, path.name)
    remove_outdated(folder, files(folder))
    return folder


def files(folder: ComparisonFolder) -> list[Path]:
    card = folder.path / "runs" / "b" / "card.md"
    return [folder.figures / "roc-a.svg", folder.figures / "roc-b.svg", card]


def test_what_is_no_longer_shown_is_removed(folder: ComparisonFolder) -> None:
    remove_outdated(folder, files(folder)[:1])
    assert [path.exists() for path in files(folder)] == [True, False, False]
    assert (folder.path / "runs" / "b").is_dir()


def test_what_the_report_did_not_write_or_was_changed_stays(folder: ComparisonFolder) -> None:
    mine = folder.figures / "mine.svg"
    for path in (mine, *files(folder)[1:]):
        path.write_text("my own", encoding="utf-8")
    remove_outdated(folder, files(folder)[:1])
    assert all(path.exists() for path in (mine, *files(folder)))


def test_a_damaged_record_or_one_that_leads_out_removes_nothing(folder: ComparisonFolder) -> None:
    outside = folder.path.parent / "outside.svg"
    outside.write_text("outside", encoding="utf-8")
    remove_outdated(folder, [folder.figures / ".." / ".." / "outside.svg"])
    remove_outdated(folder, [])
    assert outside.exists()
    (record := folder.figures / "written.toml").write_text("damaged")
    write_text(files(folder)[0], "roc-a.svg")
    remove_outdated(folder, [])
    assert files(folder)[0].exists() and "damaged" not in record.read_text()

"""No code goes by the words of a note or a finding: reworded, the same warnings are shown."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from her2bench.cli.results_text import print_results
from her2bench.cli.score_text import print_scores
from her2bench.core.audit_findings import Audit, read_audit, write_audit
from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_notes import KINDS, make_note
from her2bench.core.scores import Scores, read_scores, write_scores
from her2bench.core.tables import write_table
from her2bench.report.inputs import read_inputs
from her2bench.report.labels import relabelled
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.warnings import lesser_notes, optimistic_figures, report_warnings
from her2bench.report.table_csv import result_table, run_table
from tests.report.audits import made_up
from tests.report.conftest import make_comparison


@pytest.fixture(scope="module", params=["test", "no test", "random tiles", "slides unknown"])
def folder(request: pytest.FixtureRequest, tmp_path_factory) -> ComparisonFolder:
    """A comparison with notes of every kind and every finding of the audit."""
    made = make_comparison(
        tmp_path_factory.mktemp("reworded") / "c",
        models=("lenet",),
        seeds=(0,),
        slides=8,
        gallery=False,
        kind="random-tiles" if request.param == "random tiles" else "grouped",
        grouped=request.param != "slides unknown",
        splits=("train", "val") if request.param == "no test" else ("train", "val", "test"),
    )
    scores = read_scores(made.scores)
    notes = tuple(
        make_note(kind, f"About {kind} ({split}).", split)
        for kind in KINDS
        for split in ("test", "val", None)
    )
    scores = replace(scores, notes=(*scores.notes, *notes))
    write_scores(scores, made.scores)
    write_table(result_table(scores, run_table(made)), made.table)
    write_audit(made_up(), made.audit)
    return made


def reworded(scores: Scores, audit: Audit) -> tuple[Scores, Audit]:
    """Nonsense for every sentence, numbered by the first that has the same text."""
    first = {note.text: k for k, note in reversed(list(enumerate(scores.notes)))}
    notes = tuple(replace(note, text=f"Zyx {first[note.text]}.") for note in scores.notes)
    rows = tuple(replace(row, method="zyx") for row in scores.rows)
    pairs = tuple(replace(pair, method="zyx") for pair in scores.pairs)
    found = tuple(
        finding.model_copy(update={"title": f"Qux {k}.", "effect": "Qux.", "hint": "Qux."})
        for k, finding in enumerate(audit.findings)
    )
    other = replace(scores, notes=notes, rows=rows, pairs=pairs)
    return other, audit.model_copy(update={"findings": found})


def twice(folder: ComparisonFolder, show: Callable[[], str]) -> tuple[str, str]:
    """What is shown, its sentences then replaced; and what is shown of the reworded files."""
    scores, audit = read_scores(folder.scores), read_audit(folder.audit)
    other_scores, other_audit = reworded(scores, audit)
    before = show()
    write_scores(other_scores, folder.scores)
    write_audit(other_audit, folder.audit)
    try:
        after = show()
    finally:
        write_scores(scores, folder.scores)
        write_audit(audit, folder.audit)
    for note, other in zip(scores.notes, other_scores.notes, strict=True):
        before = before.replace(relabelled(note.text), other.text).replace(note.text, other.text)
    for finding, other in zip(audit.findings, other_audit.findings, strict=True):
        if finding.severity == "serious":
            before = before.replace(finding.title, other.title)
    return before, after


def test_the_report_shows_the_same_warnings(folder: ComparisonFolder) -> None:
    def show() -> str:
        material = read_inputs(folder)
        shown = [f"{c.title} | {c.optimistic} | {c.text}" for c in report_warnings(material)]
        return "\n".join([*shown, str(optimistic_figures(material)), *lesser_notes(material)])

    before, after = twice(folder, show)
    assert before == after
    assert "Zyx" in after and "Qux" in after


@pytest.mark.parametrize("folder", ["test"], indirect=True)  # a page takes seconds
def test_the_page_bears_the_same_marks(folder: ComparisonFolder) -> None:
    def show() -> str:
        page = write_report(folder).read_text(encoding="utf-8")
        marks = (
            "Not for new slides",
            "▲ optimistic",
            'class="optimistic"',
            "These figures are optimistic",
        )
        return str([page.count(mark) for mark in marks])

    before, after = twice(folder, show)
    assert before == after


def test_the_terminal_shows_the_same_notes(folder: ComparisonFolder, capsys) -> None:
    def show() -> str:
        print_results(folder)
        print_scores(read_scores(folder.scores), details=True)
        return " ".join(capsys.readouterr().out.split())

    before, after = twice(folder, show)
    assert before == after
    assert after.count("SLIDES UNKNOWN (test): Zyx") >= 2 and "in the data: Qux" in after

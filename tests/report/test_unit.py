"""The unit of independence is named as the user's."""

import re
import shutil
from pathlib import Path

import pytest
import tomli_w

from her2bench.cli.results_text import print_results
from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.core.config import parsed_toml
from her2bench.core.runs import ComparisonFolder
from her2bench.report.pages.report_page import write_report
from her2bench.report.unit import in_unit, unit_of
from tests.report.pages.test_report_page import text_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Slides are the unit", "Patients are the unit"),
        ("slide-level, by slide.", "patient-level, by patient."),
        ("the slide’s label", "the patient’s label"),
        ("slide-3 and a/slide and slide_id", "slide-3 and a/slide and slide_id"),
        ("{{ picture.slide }} {% for row in slides.rows %}",) * 2,
        ("a whole-slide image", "a whole-slide image"),
    ],
)
def test_the_word_is_replaced_and_names_are_not(text: str, expected: str) -> None:
    assert in_unit("patient")(text) == expected


def slides_in(text: str) -> list[str]:
    return re.findall(r"[^.]{0,40}(?<![\w/.-])[Ss]lides?(?![\w.=-]).{0,20}", text)


def test_the_page_says_core_wherever_it_said_slide(
    comparison: ComparisonFolder, tmp_path: Path
) -> None:
    shutil.copytree(comparison.path, tmp_path / "c")
    folder = ComparisonFolder(tmp_path / "c")
    config = parsed_toml(folder.config.read_text(encoding="utf-8")) | {"report": {"unit": "core"}}
    folder.config.write_text(tomli_w.dumps(config), encoding="utf-8")
    page = write_report(folder).read_text(encoding="utf-8")
    text = text_of(page)
    assert "tiles of 24 cores" in text and "clustered by core" in text
    assert slides_in(text) == []
    audit_page = text_of(folder.audit_page.read_text(encoding="utf-8"))
    assert "5 cores are unlike all others" in audit_page and "Cores needed 312" in audit_page
    assert slides_in(audit_page) == []
    card = (folder.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert "| Split | Cores | Tiles |" in card and "the score of its core" in card
    assert slides_in(re.sub("Whole-slide images", "", card)) == []


def test_the_terminal_says_core_too(comparison: ComparisonFolder, tmp_path: Path, capsys) -> None:
    shutil.copytree(comparison.path, tmp_path / "c")
    folder = ComparisonFolder(tmp_path / "c")
    config = parsed_toml(folder.config.read_text(encoding="utf-8")) | {"report": {"unit": "core"}}
    folder.config.write_text(tomli_w.dumps(config), encoding="utf-8")
    print_results(folder)
    printed = capsys.readouterr().out
    assert "tiles, 24 cores; 95% intervals, clustered by core" in printed
    assert slides_in(printed) == []


def test_it_is_slide_by_default_and_no_run_depends_on_it() -> None:
    assert unit_of({}) == "slide"
    assert "report" not in trained_by({"report": {"unit": "core"}})
    config = ComparisonConfig(manifest=Path("m.csv"), models=("lenet",))
    assert config.report.unit == "slide"

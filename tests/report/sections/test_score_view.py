"""The section on the four scores: only where a model predicts them, with scores.json's numbers."""

import re
from pathlib import Path

import polars as pl
import pytest
from tests.evaluation.conftest import four_scores
from tests.report.browser import CUT_OFF, chromium

from her2bench.api.results import ScoreResults
from her2bench.api.scoring import score
from her2bench.core.ordinal import SCORE_COLUMNS


@pytest.fixture(scope="module")
def results() -> ScoreResults:
    return score(four_scores(("a", "b"), seeds=2), bootstrap=0, flips=99)


@pytest.fixture(scope="module")
def report(results: ScoreResults, tmp_path_factory) -> Path:
    return results.write_report(tmp_path_factory.mktemp("scores") / "report")


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return report.read_text(encoding="utf-8")


def test_it_stands_before_the_errors_and_the_steps_are_counted_on(page: str) -> None:
    sections = re.findall(r'<section id="(\w+)"', page)
    assert sections[3:6] == ["operating", "scores", "failures"]
    assert re.findall(r'class="step">(\d)<', page) == list("1234568")  # 7: data quality


def test_every_count_of_the_tables_is_that_of_the_scores(page: str, results: ScoreResults) -> None:
    tables = re.findall(r'<table class="confusion of-scores">.*?</table>', page, re.DOTALL)
    assert len(tables) == len(results.scores.score_tables) == 4
    for text, table in zip(tables, results.scores.score_tables, strict=True):
        shown = re.findall(r'<td class="\w+">([\d.]+)<', text)
        flat = [count for row in table.counts for count in row]
        assert [float(count) for count in shown] == pytest.approx(flat, abs=0.051)


def test_metrics_and_differences_of_the_scores_are_there(page: str, results: ScoreResults) -> None:
    rows = {(row.model, row.metric): row for row in results.scores.rows}
    section = page[page.index('id="scores"') : page.index('id="failures"')]
    for metric in ("quadratic_kappa", "within_one", "macro_f1", "roc_auc_at_1", "roc_auc_at_3"):
        assert f"{rows['a', metric].value:.3f}" in section
    for title in ("Quadratic-weighted kappa", "Accuracy within one score"):
        assert f"{title}: differences" in section
    assert "slide has tiles of several scores and is left out" in section


def test_all_metrics_and_the_table_file_hold_the_scores(page: str, report: Path) -> None:
    for title in ("Mean absolute error in scores", "Calibration error at 3+", "ROC-AUC at 1+"):
        assert f'<th scope="row">{title}</th>' in page
    table = pl.read_csv(report.parent / "table.csv")
    assert {"quadratic_kappa", "within_one_low", "macro_f1_high"} <= set(table.columns)


def test_a_report_of_binary_models_has_nothing_of_it(tmp_path: Path) -> None:
    binary = score(four_scores(("a",)).drop(SCORE_COLUMNS), bootstrap=0, flips=99)
    page = binary.write_report(tmp_path / "report").read_text(encoding="utf-8")
    assert 'id="scores"' not in page and "uadratic-weighted" not in page
    assert "quadratic_kappa" not in pl.read_csv(tmp_path / "report/table.csv").columns


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_nothing_is_cut_off(report: Path, width: int, scheme: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT_OFF) == [] and said == []

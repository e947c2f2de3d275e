"""The table of training, validation and test: open, whole, in the study's words."""

import re
from dataclasses import replace

import polars as pl
import pytest

from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Scores, read_scores
from her2bench.report.formats import rate
from her2bench.report.pages.report_page import write_report
from her2bench.report.table_csv import result_table, run_table
from tests.report.conftest import make_comparison

HEAD = ["Model", "Tiles", "Accuracy", "Precision", "Recall", "Specificity", "Balanced accuracy"]


def rows_of(page: str) -> list[list[str]]:
    """The cells of the table as text."""
    before, table = page.split('<table id="sides"')
    assert before.count("<details") == before.count("</details>")  # not folded away
    rows = re.findall(r"<tr.*?</tr>", table[: table.index("</table>")], re.DOTALL)
    cells = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<[^>]+>", "", cell).split("\n")[0].strip() for cell in row] for row in cells]


@pytest.mark.slow
def test_each_model_on_each_side(comparison: ComparisonFolder) -> None:
    head, *rows = rows_of(write_report(comparison).read_text(encoding="utf-8"))
    assert head == [*HEAD, "ROC-AUC"]
    models = ("LeNet", "AlexNet", "Always positive", "DAB baseline")
    sides = ("training&nbsp;▲ 144", "validation&nbsp;▲ 144", "test 144")
    assert [row[:2] for row in rows] == [[model, side] for model in models for side in sides]
    always = next(row for row in rows if row[:2] == ["Always positive", "test 144"])
    assert [cell[:5] for cell in always[2:7]] == ["0.500", "0.500", "1.000", "0.000", "0.500"]


def test_the_table_on_disk_has_precision_and_recall(comparison: ComparisonFolder) -> None:
    first = read_scores(comparison.scores).rows[0]
    rows = tuple(
        replace(first, model="lenet", split="test", metric=metric, value=value)
        for metric, value in {"ppv": 0.25, "sensitivity": 0.75, "f1": 0.5}.items()
    )
    table = result_table(Scores(rows=rows), run_table(comparison))
    assert table.select("precision", "recall").row(0) == (0.25, 0.75)
    assert {"precision_low", "recall_high"} <= set(table.columns)
    assert not {"ppv", "sensitivity", "f1"} & set(table.columns)


def test_a_slow_network_has_a_rate() -> None:
    assert [rate(value) for value in (None, 0.043, 3.26, 57.4)] == ["–", "0.043", "3.3", "57"]


@pytest.mark.slow
def test_other_validation_tiles_are_said_at_the_top(tmp_path) -> None:
    folder = make_comparison(tmp_path / "other", slides=4)
    folder.scores.unlink()
    table = pl.read_parquet(folder.predictions)
    first = table.filter(pl.col("split") == "val")["tile_id"][0]
    removed = (pl.col("model") == "lenet") & (pl.col("tile_id") == first)
    table.filter(~removed).write_parquet(folder.predictions)
    page = write_report(folder).read_text(encoding="utf-8")
    warnings = page[page.index('<ul class="warnings">') :]
    assert "Models on different tiles" in warnings[: warnings.index("</ul>")]
    assert page.count("metrics there cannot be compared") == 1

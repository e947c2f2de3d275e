"""Tiles and slides side by side, and the strip of slides."""

import polars as pl
import pytest
from tests.evaluation.scoring.test_levels import tiles
from tests.report.conftest import make_comparison

from her2bench.core.runs import ComparisonFolder
from her2bench.report.figures.slide_strip import PER_ROW, draw_strip, strip_table
from her2bench.report.inputs import read_inputs
from her2bench.report.rebuilding import rebuild
from her2bench.report.sections.slides import slide_level


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> ComparisonFolder:
    made = make_comparison(tmp_path_factory.mktemp("slides") / "c", slides=16, seeds=(0, 1))
    rebuild(made, ["slide.aggregate=mean", "report.unit=core"])
    return made


@pytest.mark.slow
def test_each_model_has_a_row_of_tiles_and_one_of_slides(folder):
    material = read_inputs(folder)
    found = slide_level(material)
    assert found is not None
    assert (found.slides, found.positive) == (16, 8)
    assert [row.level for row in found.rows] == ["tiles", "slides"] * 4
    assert found.metrics == [
        *("roc_auc", "sensitivity", "specificity", "balanced_accuracy", "kappa", "accuracy")
    ]
    tile, slide = (row.cells["roc_auc"].value for row in found.rows[:2])
    assert material.scores.slide is not None
    for value, scores in ((tile, material.scores), (slide, material.scores.slide)):
        rows = [r for r in scores.rows if (r.model, r.split) == ("lenet", "test")]
        assert value == next(r.value for r in rows if r.metric == "roc_auc")


@pytest.mark.slow
def test_the_page_says_core_and_draws_each_network(folder):
    page = folder.report.read_text(encoding="utf-8")
    assert "Tiles and cores" in page and "16 cores, 8 positive and 8 negative" in page
    assert "Each core with its tiles" in page
    assert 'id="figure-slides-lenet"' in page and 'id="figure-slides-alexnet"' in page
    assert 'id="figure-slides-always_positive"' not in page


def test_without_scores_of_slides_there_are_none_to_show(comparison):
    material = read_inputs(comparison)
    assert slide_level(material) is None and not material.slides.height


@pytest.mark.slow
@pytest.mark.parametrize("number", [14, 200])
def test_a_strip_of_few_and_of_many(number, tmp_path):
    rows = tiles(slides=number, models=("a",), splits=("test",)).with_columns(call=True)
    slides = rows.group_by("fold", "group_id").agg(
        pl.col("target").first(), pl.col("probability").mean(), threshold=0.0
    )
    slides = slides.with_columns(call=pl.col("probability") > 0.5)
    table = strip_table(rows, slides)
    drawn = draw_strip("a", table, "core", "#0072b2", tmp_path)
    wrong = (slides["call"] != (slides["target"] == 1)).sum()
    assert table["error"].sum() == wrong == drawn.svg.count("test-slide-") > 0
    assert drawn.narrow.count("test-slide-") == wrong
    assert table["probability"].is_sorted() and table["threshold"].unique().to_list() == [0.5]
    assert drawn.svg.count(">predicted<") == -(-number // PER_ROW)
    assert (tmp_path / "slides-a.pdf").is_file()

"""The table of results: intervals for the question of the headline, points of the ROC curve."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.conftest import make_comparison

from her2bench.core.predictions import read_predictions
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Row, write_scores
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.report.inputs import read_inputs
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.results_table import standings

ACROSS = {
    "recipe": "intervals across slides and seeds (retraining variability)",
    "weights": "intervals across slides, for these trained weights",
}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    path = tmp_path_factory.mktemp("standing") / "c"
    return make_comparison(path, seeds=(0, 1, 2), tiles=2, gallery=False)


def rescored(folder: ComparisonFolder, settings: ScoreSettings) -> dict[tuple[str, str], Row]:
    """scores.json made again: its rows by (model, metric) on test tiles."""
    scores = score_predictions(read_predictions([folder.predictions]), settings)
    write_scores(scores, folder.scores)
    return {(row.model, row.metric): row for row in scores.rows if row.split == "test"}


def results_of(page: str) -> str:
    return page[page.index('id="results-caption"') :].split("</table>")[0]


def test_the_intervals_are_those_of_the_headline(seeds: ComparisonFolder) -> None:
    """Of the recipe where it is answered; a baseline is the same model every time."""
    rows = rescored(seeds, ScoreSettings(bootstrap=0, flips=99))
    lenet, *_, dab = standings(read_inputs(seeds))
    row = rows["lenet", "roc_auc"]
    assert row.recipe_low != row.low
    cell = lenet.cells["roc_auc"]
    assert (cell.low, cell.high) == (row.recipe_low, row.recipe_high)
    row = rows["dab_baseline", "roc_auc"]
    assert (dab.cells["roc_auc"].low, dab.cells["roc_auc"].high) == (row.low, row.high)
    page = write_report(seeds).read_text(encoding="utf-8")
    assert ACROSS["recipe"] in results_of(page)
    assert (
        page.count(ACROSS["weights"]) == 5
    )  # curves, all sides, and every metric on each of three


def test_without_seeds_they_are_of_the_weights(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", seeds=(0,), tiles=2, gallery=False)
    rows = rescored(folder, ScoreSettings(bootstrap=0, flips=99))
    cell = standings(read_inputs(folder))[0].cells["roc_auc"]
    assert cell.low == rows["lenet", "roc_auc"].low
    page = write_report(folder).read_text(encoding="utf-8")
    assert ACROSS["weights"] in results_of(page)


def test_points_of_the_curve_stand_among_all_metrics(seeds: ComparisonFolder) -> None:
    title = "Sensitivity at specificity 0.8"
    rescored(seeds, ScoreSettings(bootstrap=0, flips=99))
    assert title not in write_report(seeds).read_text(encoding="utf-8")
    asked = ScoreSettings(bootstrap=200, flips=99, at_specificity=0.8)
    row = rescored(seeds, asked)["lenet", "sensitivity_at_specificity_0.8"]
    page = write_report(seeds).read_text(encoding="utf-8")
    shown = page[page.index('<table id="all-test"') :].split("</table>")[0]
    line = shown[shown.index(title) :].split("</tr>")[0]
    assert f"{row.value:.3f}" in line and f"{row.low:.3f} to {row.high:.3f}" in line
    card = (seeds.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert f"| {title} | {row.value:.3f} (" in card


def test_the_best_point_estimate_is_marked_also_where_it_is_a_baseline(
    seeds: ComparisonFolder,
) -> None:
    material = read_inputs(seeds)
    rows = [
        replace(row, value=0.99)
        if (row.model, row.split, row.metric) == ("dab_baseline", "test", "roc_auc")
        else row
        for row in material.scores.rows
    ]
    changed = replace(material, scores=replace(material.scores, rows=tuple(rows)))
    assert [row.model for row in standings(changed) if row.best] == ["DAB baseline"]
    assert len([row for row in standings(material) if row.best]) == 1


def test_of_an_error_the_least_is_best(seeds: ComparisonFolder) -> None:
    material = read_inputs(seeds)
    worst = "always_positive"
    brier = ScoreSettings(primary="brier", bootstrap=0)
    config = material.config | {"score": brier.model_dump(mode="json", exclude_none=True)}
    best = [row.model for row in standings(replace(material, config=config)) if row.best]
    assert best and worst not in best and "Always positive" not in best

"""The legend of the curves: every model with its area and interval."""

from her2bench.core.runs import ComparisonFolder
from her2bench.report.figures.roc_pr import draw_rocs, legend_names, with_bands
from her2bench.report.inputs import read_inputs, shown_panels


def test_one_plot_holds_all_models_with_their_areas(comparison: ComparisonFolder, tmp_path) -> None:
    material = read_inputs(comparison)
    rows = material.scores.rows
    drawn = draw_rocs(shown_panels(material), material.baselines, "test", rows, tmp_path)
    names = legend_names(rows, "test", "roc_auc", "AUC")
    assert set(names) >= set(material.models)
    for model in material.models:
        assert names[model] in drawn.svg
    row = next(r for r in rows if (r.model, r.split, r.metric) == ("lenet", "test", "roc_auc"))
    assert names["lenet"] == f"LeNet, AUC {row.value:.2f} ({row.low:.2f} to {row.high:.2f})"


def test_bands_are_of_networks_where_these_are_few() -> None:
    assert with_bands(["a", "b", "base"], ["base"]) == ["a", "b"]
    assert with_bands(["a", "b", "c", "d"], []) == []

"""What models cost: in the table on disk, in the report, in the cards and in hb.plot."""

import re
import shutil
from dataclasses import replace

import matplotlib.pyplot as plt
import polars as pl
import pytest
from tests.report.conftest import make_comparison

import her2bench as hb
from her2bench.api.comparing import comparison_results
from her2bench.core.errors import UserError
from her2bench.core.scores import read_scores
from her2bench.report.inputs import read_inputs
from her2bench.report.pages.model_card import write_cards
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.costs import cost_points, costs, network_of
from her2bench.report.sections.methods import total_seconds
from her2bench.report.table_csv import cost_table, run_table

MEASURED = {
    "multiply_adds": 4_200_000,
    "train_seconds": 2.0,
    "train_tiles_per_second": 0.4,
    "predict_tiles_per_second": 3000.0,
    "peak_memory_gb": 0.5,
    "peak_device_memory_gb": 0.0,
    "hardware": "made-up CPU, 2 cores",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = make_comparison(tmp_path_factory.mktemp("costs") / "comparison", slides=8, tiles=3)
    for seed, seconds in ((0, 2.0), (1, 4.0)):
        run = made.run("lenet", seed, 0)
        run.mark_done({**run.summary(), **MEASURED, "train_seconds": seconds})
    run = made.run("dab_baseline", 0, 0)
    run.mark_done({**run.summary(), "parameters": 6, "predict_tiles_per_second": 5000.0})
    return made


def test_times_of_a_run_and_of_all_runs(folder):
    row = cost_table(run_table(folder)).row(by_predicate=pl.col("model") == "lenet", named=True)
    assert (row["train_seconds"], row["train_seconds_total"]) == (3.0, 6.0)
    assert (row["multiply_adds"], row["predict_tiles_per_second"]) == (4_200_000, 3000.0)
    unknown = run_table(folder).with_columns(train_seconds=pl.lit(None, dtype=pl.Float64))
    assert cost_table(unknown)["train_seconds_total"].null_count() == 4


def test_the_tuning_of_a_fold_counts_once_and_in_all(folder, tmp_path):
    shutil.copytree(folder.path, tmp_path / "copy")
    copy = type(folder)(tmp_path / "copy")
    for seed in (0, 1):  # each run of a fold notes the same
        run = copy.run("lenet", seed, 0)
        run.mark_done({**run.summary(), "tuning_seconds": 50.0, "tuned": {"learning_rate": 0.01}})
    table = cost_table(run_table(copy))
    row = table.row(by_predicate=pl.col("model") == "lenet", named=True)
    assert (row["tuning_seconds"], row["train_seconds_total"]) == (50.0, 56.0)
    assert table.filter(pl.col("model") == "alexnet")["tuning_seconds"].item() is None
    material = read_inputs(copy)
    assert total_seconds(material) == total_seconds(read_inputs(folder)) + 50
    assert "Tuning time, all trials" in costs(material)[0]
    assert "Tuning time, all trials" not in costs(read_inputs(folder))[0]


def test_columns_without_a_value_are_left_out(folder):
    titles, rows = costs(read_inputs(folder))
    assert "Peak GPU memory, GB" not in titles and "Peak memory, GB" in titles
    cells = {label: dict(zip(titles, row, strict=True)) for label, _, row in rows}
    assert list(cells) == ["LeNet", "AlexNet", "DAB baseline"]
    assert cells["LeNet"]["Multiply-adds per tile"] == "4.2 M"
    assert cells["LeNet"]["Images/s, training"] == "0.4"
    assert cells["LeNet"]["Training time in all"] == "6 s"
    assert cells["DAB baseline"]["Multiply-adds per tile"] == "–"


def test_the_report_has_table_and_figure_and_says_what_a_time_is(folder):
    page = write_report(folder).read_text(encoding="utf-8")
    table = page[page.index('<table id="costs"') :].partition("</table>")[0]
    assert len(re.findall("<tr", table)) == 4 and "4.2 M" in table
    assert "measured on made-up CPU, 2 cores" in page and "sum over its epochs" in page
    assert 'aria-label="ROC-AUC against multiply-adds per tile, with 95% intervals"' in page
    assert (folder.figures / "cost.pdf").is_file()
    card = (folder.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert "- Multiply-adds per tile: 4.2 M" in card and "Hardware: made-up CPU, 2 cores." in card


def test_a_folder_that_measured_nothing_shows_what_it_knows(folder):
    runs = run_table(folder).with_columns(
        pl.lit(None).cast(kind).alias(name)
        for name, kind in run_table(folder).schema.items()
        if name in MEASURED and name != "train_seconds"
    )
    titles, _ = costs(replace(read_inputs(folder), runs=runs))
    assert titles == ["Parameters", "Training time, one run", "Training time in all"]


def test_a_variant_is_named_with_its_arguments(folder, tmp_path):
    shutil.copytree(folder.path, tmp_path / "copy")
    copy = type(folder)(tmp_path / "copy")
    text = copy.config.read_text(encoding="utf-8").replace('"lenet"', '"lenet=dabnet"')
    text += '\n[network.lenet.arguments]\nfront_end = "rgb"\n'
    copy.config.write_text(text, encoding="utf-8")
    material = read_inputs(copy)
    assert network_of(material, "lenet") == "dabnet with front_end = rgb"
    assert network_of(material, "alexnet") == ""
    write_cards(material)
    card = (copy.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert "Network: dabnet with front_end = rgb." in card


def test_intervals_are_those_of_the_question_that_is_asked(folder):
    runs = run_table(folder)
    first = next(row for row in read_scores(folder.scores).rows if row.metric == "roc_auc")
    shown = replace(first, split="test", value=0.8, low=0.7, high=0.9)
    rows = [
        replace(shown, model="lenet", recipe_low=0.6, recipe_high=0.95),
        replace(shown, model="dab_baseline"),
        replace(shown, model="always_positive"),
    ]
    asked = runs, "multiply_adds", "roc_auc", "test"
    found = cost_points(rows, *asked, "recipe", ["dab_baseline"])
    assert [(p.model, p.cost, p.low) for p in found] == [
        ("lenet", 4_200_000, 0.6),
        ("dab_baseline", None, 0.7),
    ]
    assert cost_points(rows, *asked, "weights", ["dab_baseline"])[0].low == 0.7


def test_the_same_figure_on_axes_of_ones_own(folder):
    results = comparison_results(folder)
    _, own = plt.subplots()
    assert hb.plot.cost(results, ax=own) is own
    assert own.get_xscale() == "log" and own.get_xlabel() == "multiply-adds per tile"
    assert {text.get_text() for text in own.texts} >= {"LeNet", "DAB baseline"}
    faster = hb.plot.cost(results, x="predict_tiles_per_second")
    assert faster.get_xlabel() == "images per second, prediction"
    with pytest.raises(UserError, match="did you mean 'multiply_adds'"):
        hb.plot.cost(results, x="multiply_add")
    with pytest.raises(UserError, match="did you mean 'roc_auc'"):
        hb.plot.cost(results, metric="roc_au")
    plt.close("all")

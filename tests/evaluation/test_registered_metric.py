"""A metric registered from outside stands wherever the fourteen stand."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from her2bench.cli.results_text import print_results
from her2bench.cli.score_text import print_scores
from her2bench.core.errors import UserError
from her2bench.core.tables import write_table
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import LabelledTiles, SeedPredictions
from her2bench.evaluation.statistics.confusion import ratio
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS, Metric, register_metric
from her2bench.report.inputs import read_inputs
from her2bench.report.pages.report_page import write_report
from her2bench.report.table_csv import result_table
from tests.evaluation.conftest import answers_of, simulated
from tests.report.conftest import make_comparison

FAST = ScoreSettings(bootstrap=200, flips=199)


def f2(run: SeedPredictions) -> float:
    """Recall counts twice as much as precision."""
    right = (run.targets & run.calls).sum()
    return 5 * right / (4 * run.targets.sum() + run.calls.sum())


def youden(run: SeedPredictions) -> float:
    return run.calls[run.targets].mean() - run.calls[~run.targets].mean()


@pytest.fixture
def register() -> Iterator:
    """Registers metrics, and takes them out again after the test."""
    before = dict(METRICS)
    yield register_metric
    METRICS.clear()
    METRICS.update(before)


def study(groups: int = 25) -> tuple[LabelledTiles, np.ndarray]:
    rng = np.random.default_rng(3)
    slides = np.repeat(np.arange(groups), rng.integers(3, 12, groups))
    targets = rng.random(len(slides)) < 0.6
    return LabelledTiles(targets, slides), 1.2 * targets - 0.5 + rng.normal(size=len(slides))


def test_it_stands_in_rows_pairs_and_terminal_and_may_be_the_primary_metric(register, capsys):
    register(Metric("f2", "F2 score", f2, over="both"))
    scores = score_predictions(simulated(seeds=3), FAST.model_copy(update={"primary": "f2"}))
    rows = [row for row in scores.rows if row.metric == "f2"]
    assert len(rows) == 2 and all(row.low < row.value < row.high for row in rows)
    assert all(row.recipe_low < row.value < row.recipe_high for row in rows)
    assert all(row.method == "bootstrap of 200, clustered by slide" for row in rows)
    pairs = [pair for pair in scores.pairs if pair.metric == "f2"]
    assert {pair.question for pair in pairs} == {"weights", "recipe"}
    assert all(0 < pair.p_value <= 1 and pair.p_equivalent is not None for pair in pairs)
    print_scores(scores, details=True)
    shown = capsys.readouterr().out
    assert re.search(rf"^F2 score +{rows[0].value:.3f}", shown, re.MULTILINE)
    assert "new slides: F2 score" in shown and "The verdict rests on F2 score" in shown


def test_it_stands_in_the_report_and_the_tables_of_a_comparison(register, tmp_path, capsys):
    register(Metric("f2", "F2 score", f2, title="F2 score (recall first)", over="both"))
    folder = make_comparison(tmp_path / "c", slides=12, splits=("test",), gallery=False)
    material = read_inputs(folder)
    table = result_table(material.scores, material.runs)
    [value] = [
        row.value for row in material.scores.rows if (row.model, row.metric) == ("lenet", "f2")
    ]
    assert table.filter(model="lenet")["f2"].item() == value
    page = write_report(folder).read_text(encoding="utf-8")
    assert f'F2 score (recall first)</th><td><span class="value">{value:.3f}' in page
    card = (folder.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert f"| F2 score (recall first) | {value:.3f}" in card
    write_table(table, folder.table)
    print_results(folder, details=True)
    assert "F2 score" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", lambda run: (run.targets == run.calls).mean()),
        ("sensitivity", lambda run: run.calls[run.targets].mean()),
        ("ppv", lambda run: run.targets[run.calls].mean()),
        ("brier", lambda run: ((run.targets - run.probabilities) ** 2).mean()),
    ],
)
def test_a_value_function_is_enough_for_the_variance_of_a_mean(register, name, value):
    """The jackknife is then the same, to the last digits, as the influence function."""
    sample, scores = study()
    register(Metric("again", "again", value, over=METRICS[name].over))
    ours, reference = (estimate(n, sample, answers_of(scores), 5) for n in ("again", name))
    assert ours.value == pytest.approx(reference.value, abs=1e-12)
    assert ours.variance == pytest.approx(reference.variance, rel=0.02)
    if name != "ppv":  # its calls are random
        assert ours.variance == pytest.approx(reference.variance, rel=1e-9)
    assert ours.df == pytest.approx(reference.df)
    assert np.isnan(ours.design_effect)


def test_other_metrics_vary_as_by_their_influence_to_first_order(register):
    sample, scores = study(60)
    register(Metric("by_value", "by value", f2, over="both"))
    counts = ratio((5, 0, 0, 0), (5, 1, 4, 0))
    register(Metric("by_counts", "by counts", over="both", influence=counts.influence))
    one, other = (estimate(n, sample, answers_of(scores), 5) for n in ("by_value", "by_counts"))
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.variance == pytest.approx(other.variance, rel=0.05)


def test_drawn_slides_give_what_weights_give(register):
    counts = ratio((5, 0, 0, 0), (5, 1, 4, 0))
    parts = {"over": "both", "influence": counts.influence}
    register(Metric("drawn", "drawn", **parts))
    register(Metric("weighted", "weighted", **parts, resampling=counts.resampling))
    rows = {row.metric: row for row in score_predictions(simulated(), FAST).rows}
    assert (rows["drawn"].low, rows["drawn"].high) == pytest.approx(
        (rows["weighted"].low, rows["weighted"].high), abs=1e-12
    )


def test_a_metric_of_another_range_and_direction(register):
    """The better model is the one with the smaller error, and values below 0 have intervals."""
    register(
        Metric(
            "minus_youden",
            "minus Youden's J",
            lambda run: -youden(run),
            over="both",
            sees="calls",
            least=-np.inf,
            most=np.inf,
            higher_is_better=False,
        )
    )
    table = simulated(groups=60)
    worse = (table["model"] == "b").to_numpy()
    table = table.with_columns(
        logit=np.where(worse, -table["logit"].to_numpy(), table["logit"].to_numpy()),
        probability=np.where(worse, 1 - table["probability"], table["probability"]),
    )
    for settings in (FAST, ScoreSettings(bootstrap=0, flips=199)):
        scores = score_predictions(table, settings)
        for row in (row for row in scores.rows if row.metric == "minus_youden"):
            assert row.low < row.value < row.high
        [pair] = [p for p in scores.pairs if (p.metric, p.question) == ("minus_youden", "weights")]
        assert pair.decision == "a" and pair.difference < 0


def test_it_is_undefined_where_a_class_it_needs_is_missing(register):
    register(Metric("youden", "Youden's J", youden, over="both"))
    table = simulated()
    scores = score_predictions(table.filter(table["target"] == 1), FAST)
    assert [row.value for row in scores.rows if row.metric == "youden"] == [None, None]


def test_few_drawn_slides_of_a_class_do_no_harm(register):
    """Where one slide alone holds a class, replicates without it are undefined, not an error."""
    register(Metric("youden", "Youden's J", youden, over="both"))
    sample = LabelledTiles(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    guess = estimate("youden", sample, answers_of([1.0, -1.0, 0.5, -0.5]), 2)
    assert guess.value == 0 and guess.df == 0


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Metric("roc_auc", "ROC-AUC", f2), "registered already"),
        (Metric("F 2", "F2", f2), "not a name"),
        (Metric("f2", "F2"), "nothing to compute it by"),
    ],
)
def test_what_cannot_be_registered(register, metric, message):
    with pytest.raises(UserError, match=message):
        register(metric)

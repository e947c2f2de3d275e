"""What the terminal says of scores: whether slides are known, and which pairs are shown."""

from dataclasses import replace

import polars as pl
import pytest

from her2bench.cli.score_text import print_scores
from her2bench.core.predictions import check_predictions
from her2bench.core.score_notes import make_note
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings

FAST = ScoreSettings(bootstrap=0, flips=99)


def table(models=("a", "b"), groups=True, classes=2) -> pl.DataFrame:
    tiles = range(40)
    parts = [
        pl.DataFrame(
            {
                "model": model,
                "tile_id": [f"t{i}" for i in tiles],
                "group_id": [f"s{i // 4}" if groups else None for i in tiles],
                "target": [i // 4 % classes for i in tiles],
                "probability": [(i * (7 + 2 * m) % 41) / 41 for i in tiles],
            },
            schema_overrides={"group_id": pl.String},
        )
        for m, model in enumerate(models)
    ]
    return check_predictions(pl.concat(parts))


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("groups", [True, False])
def test_the_title_says_whether_slides_are_known(groups, classes, capsys):
    """Also where the first metric is undefined, because one class is missing."""
    print_scores(score_predictions(table(groups=groups, classes=classes), FAST))
    printed = capsys.readouterr().out
    assert ("95% intervals, clustered by slide" in printed) == groups
    assert ("tiles taken as independent" in printed) != groups
    assert (" slides; " in printed) == groups


@pytest.mark.parametrize("details", [False, True])
def test_80_columns_are_enough_and_nothing_is_cut(details, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    models = ("a_network_with_a_name_longer_than_its_column", "alexnet", *BASELINES)
    scores = score_predictions(table(models), FAST)
    print_scores(scores, details)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80 and "…" not in printed
    [auc] = [r for r in scores.rows if (r.model, r.metric) == ("alexnet", "roc_auc")]
    assert f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})" in printed
    assert ("Matthews correlation" in printed) == details


def test_the_verdict_comes_first_and_each_baseline_has_one_line(capsys):
    print_scores(score_predictions(table(("lenet", "alexnet", "dab_baseline")), FAST))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "No model is shown to be better than another on ROC-AUC."
    assert sum("DAB baseline" in line for line in lines) == 2  # its row, and the sentence


def test_notes_of_one_kind_stand_under_one_title(capsys):
    scores = score_predictions(table(), FAST)
    notes = [make_note("scaling_refused", f"No scaling of {name}.") for name in "ab"]
    print_scores(replace(scores, notes=tuple(notes)), details=True)
    printed = capsys.readouterr().out
    assert printed.count("Scaling refused:") == 1 and "No scaling of b." in printed


@pytest.mark.parametrize("details", [False, True])
def test_a_model_has_one_name(details, capsys):
    models = ("mini_hahnet", "hahnet", "dab_baseline")
    print_scores(score_predictions(table(models), FAST), details)
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("mini-HAHNet", "HAHNet-inspired", "DAB baseline"))
    assert not any(name in printed for name in ("mini_hahnet", "dab_baseline", "hahnet "))

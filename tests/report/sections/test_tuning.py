"""What the report says of tuning: budget, space and chosen values, or that there was none."""

from dataclasses import replace

import pytest
from tests.report.conftest import make_comparison

from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_parts import TunedModel
from her2bench.core.scores import Scores, read_scores, write_scores
from her2bench.report.inputs import read_inputs
from her2bench.report.rebuilding import rebuild
from her2bench.report.sections.methods_paragraph import methods_paragraph
from her2bench.report.sections.tuning import tuned_rows, tuning_sentence

RATE, C = {"learning_rate": (1e-4, 1e-2)}, {"regularisation": (1e-4, 10.0)}
TUNED = (
    TunedModel("dab_baseline", 0, 8, 0, 0.4, 0.41, {"regularisation": 0.25}, C),
    TunedModel("alexnet", 0, 8, 0, 80.0, 0.5, {"learning_rate": 0.003}, RATE),
    TunedModel("lenet", 1, 8, 3, 50.0, 0.6, {"learning_rate": 0.0012345}, RATE),
    TunedModel("lenet", 0, 8, 2, 60.0, 0.7, {"learning_rate": 0.002}, RATE),
)
RECIPE = {"epochs": 6, "batch": 32, "learning_rates": [1e-3], "weight_decay": 0.0}
BUDGET = {"tuning": {"trials": 8, "pruning": True}, "recipe": RECIPE}


def seen(comparison: ComparisonFolder, tuned=(), **config):
    material = read_inputs(comparison)
    return replace(
        material, scores=replace(material.scores, tuning=tuned), config=material.config | config
    )


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([1e-4], "The settings were not tuned."),
        ({"lenet": [1e-4], "alexnet": [1e-5]}, "The settings were not tuned."),
        ([1e-4, 1e-3], "not tuned, but for the learning rate, chosen among those listed"),
        ({"lenet": [1e-4, 1e-3], "alexnet": [1e-5]}, "not tuned, but for the learning rate"),
    ],
)
def test_without_tuning_it_says_so(comparison, rates, words) -> None:
    material = seen(comparison, recipe=RECIPE | {"learning_rates": rates})
    assert words in tuning_sentence(material) and words in methods_paragraph(material)
    assert tuned_rows(material) == []


def test_budget_space_and_what_was_not_tuned(comparison) -> None:
    text = tuning_sentence(material := seen(comparison, TUNED, **BUDGET))
    for part in (
        "of each model on each fold were tuned with the same budget, 8 trials (Optuna, TPE, ",
        "learning rate 0.0001 to 0.01 (AlexNet, LeNet)",
        "C of the logistic regression 0.0001 to 10 (DAB baseline)",
        "no test tile was used",
        "Not tuned: Always positive.",
    ):
        assert part in text, part
    paragraph = methods_paragraph(material)
    assert text in paragraph and "batches of 32 tiles, a tuned learning rate," in paragraph
    assert "not tuned." not in paragraph
    plain = {"tuning": {"seconds": 600.0, "pruning": False}}
    text = tuning_sentence(seen(comparison, TUNED[:2], **plain))
    assert "of each model were tuned with the same budget, 10 min of training (Optuna, TPE)" in text


def test_a_setting_that_some_networks_tuned_is_shown_with_both(comparison) -> None:
    own = replace(TUNED[1], values={"weight_decay": 0.01}, space={"weight_decay": (0.0, 0.1)})
    text = methods_paragraph(seen(comparison, (own, TUNED[3]), **BUDGET))
    assert "weight decay 0 or tuned" in text
    assert "learning rate 0.001 or a tuned learning rate" in text


def test_the_chosen_values_stand_by_model_and_fold(comparison) -> None:
    rows = tuned_rows(seen(comparison, TUNED, **BUDGET))
    assert [(row.model, row.fold, row.trials, row.values) for row in rows] == [
        ("LeNet", 0, "8 (2 stopped early)", "learning rate 0.002"),
        ("LeNet", 1, "8 (3 stopped early)", "learning rate 0.00123"),
        ("AlexNet", 0, "8", "learning rate 0.003"),
        ("DAB baseline", 0, "8", "C of the logistic regression 0.25"),
    ]


def test_an_unfinished_tuning_and_unknown_training(comparison) -> None:
    assert "not finished yet" in tuning_sentence(seen(comparison, **BUDGET))
    assert tuning_sentence(seen(comparison, source="predictions")) == ""


@pytest.mark.slow
def test_other_settings_of_the_report_keep_the_tuning(tmp_path) -> None:
    folder = make_comparison(tmp_path / "c", seeds=(0,), slides=12, tiles=3)
    rebuild(folder)
    page = folder.report.read_text(encoding="utf-8")
    assert "The settings were not tuned." in page and "that the trials chose" not in page
    scores: Scores = read_scores(folder.scores)
    write_scores(replace(scores, tuning=TUNED), folder.scores)
    folder.seal(folder.scores)
    assert read_scores(folder.scores).tuning == TUNED
    settings = folder.config.read_text() + "\n[tuning]\ntrials = 8\n"
    folder.config.write_text(settings)
    folder.seal(folder.config)
    rebuild(folder, ["score.margin=0.1"])
    assert read_scores(folder.scores).tuning == TUNED
    page = folder.report.read_text(encoding="utf-8")
    assert "Values that the trials chose" in page and "8 (3 stopped early)" in page

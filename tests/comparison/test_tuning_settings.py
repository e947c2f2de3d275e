"""Tuning spaces that contradict the config, and folds with too few slides, are refused."""

import re
import sys

import polars as pl
import pytest

import her2bench as hb
from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.comparison.tuning_checks import require_slides_to_tune_on
from her2bench.core.config import load_settings, settings_from, to_toml
from her2bench.core.errors import UserError
from her2bench.training.recipe import Recipe
from her2bench.training.tuning_settings import tuned_recipe

RATES = {"learning_rate": [1e-4, 1e-2]}


def config(**changes):
    given = {"manifest": "m.csv", "models": ["lenet", "f=timm:resnet18"]}
    given["network"] = {"f": {"pretrained": True, "training": "frozen"}}
    return settings_from(ComparisonConfig, given | changes, "c.toml")


def space(**ranges):
    return {"trials": 8, "space": ranges}


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ({}, "give either trials or seconds"),
        ({"trials": 8, "seconds": 60}, "give either trials or seconds"),
        ({"trials": 0}, "tuning.trials = 0"),
        ({"trails": 8}, "unknown setting 'tuning.trails' (did you mean 'trials'?)"),
        (
            space(learning_rate=[0.01, 0.0001]),
            "tuning.space.learning_rate = [0.01, 0.0001]: the range is turned round: "
            "write [0.0001, 0.01]",
        ),
        (space(learning_rate=[0.01, 0.01]), "two different numbers"),
        (space(learning_rate=[0.01]), "tuning.space.learning_rate.1"),
        (space(learning_rate=0.01), "a list is needed, in [ ]"),
        (space(batch=[8, 16.5]), "tuning.space.batch.1 = 16.5"),
        (space(dropout=[0, 0.5]), "unknown setting 'tuning.space.dropout'"),
        (space(), "tuning.space: nothing to tune for lenet; give a range"),
        (
            space(learning_rate=[1e-4, 2.0]),
            "tuning.space.learning_rate does not fit the recipe: learning_rates = (2.0,)",
        ),
        (space(weight_decay=[0, 2]), "tuning.space.weight_decay does not fit the recipe"),
        (space(label_smoothing=[0, 1]), "tuning.space.label_smoothing does not fit"),
        (
            space(augment_strength=[0, 2]),
            "tuning.space.augment_strength: recipe.augment = [] has nothing with a strength",
        ),
        (space(**RATES, regularisation=[0, 1]), "regularisation must be between"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_by_key(tuning, message):
    with pytest.raises(UserError, match=re.escape(message)):
        config(tuning=tuning)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tuning": space(**RATES), "recipe": {"learning_rates": [1e-4, 1e-3]}},
            "tuning.space: recipe.learning_rates has 2 values for lenet; write one",
        ),
        (
            {
                "tuning": {"trials": 8},
                "network": {"lenet": {"recipe": {"learning_rates": {"dabnet": [1e-3]}}}},
                "models": ["lenet"],
            },
            "recipe.learning_rates has no entry for lenet",
        ),
        ({"network": {"lenet": {"tuning": RATES}}}, "network.lenet.tuning needs a budget"),
        (
            {"tuning": {"trials": 8}, "network": {"lenet": {"tuning": {"learning_rate": [2, 1]}}}},
            "network.lenet.tuning.learning_rate = [2, 1]",
        ),
        (
            {
                "tuning": {"trials": 8},
                "network": {"lenet": {"tuning": {**RATES, "regularisation": [0.1, 1]}}},
            },
            "network.lenet.tuning.regularisation: lenet is no logistic regression",
        ),
        (
            {
                "tuning": {"trials": 8},
                "network": {"f": {"pretrained": True, "training": "frozen", "tuning": RATES}},
            },
            "network.f.tuning.learning_rate: a frozen network has regularisation alone",
        ),
    ],
)
def test_a_tuning_that_contradicts_the_config_is_refused_by_key(changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        config(**changes)


def test_a_network_has_its_own_space_and_settings_read_back_the_same(tmp_path):
    own = {"weight_decay": [0, 0.1]}
    made = config(
        tuning={"trials": 8}, models=["lenet", "dabnet"], network={"dabnet": {"tuning": own}}
    )
    assert made.space_for("lenet").of_recipe == {"learning_rate": (1e-4, 1e-2)}
    assert made.space_for("dabnet").of_recipe == {"weight_decay": (0, 0.1)}
    (tmp_path / "c.toml").write_text(to_toml(made))
    assert load_settings(ComparisonConfig, tmp_path / "c.toml") == made


def test_runs_depend_on_budget_and_space():
    def settings(**tuning):
        return config(tuning=tuning).model_dump(mode="json", exclude_none=True)

    assert trained_by(settings(trials=8)) != trained_by(settings(trials=9))
    assert trained_by(settings(trials=8)) != trained_by(
        settings(trials=8, space=RATES | {"batch": [8, 32]})
    )


def test_values_take_the_place_of_the_recipes():
    recipe = tuned_recipe(Recipe(), {"learning_rate": 0.002, "batch": 16.0, "weight_decay": 0.1})
    assert recipe == Recipe(learning_rates=(0.002,), batch=16, weight_decay=0.1)
    assert tuned_recipe(Recipe(), {}) == Recipe()


def splits(*slides):
    """Validation tiles of a fold, one per entry (fold, slide, target)."""
    rows = [(fold, slide, target, "val", f"t{i}") for i, (fold, slide, target) in enumerate(slides)]
    return pl.DataFrame(rows, ["fold", "group_id", "target", "split", "tile_id"], orient="row")


def test_folds_with_too_few_validation_slides_are_refused_with_their_counts():
    enough = [(0, "a", 1), (0, "b", 1), (0, "c", 0), (0, "d", 0)]
    require_slides_to_tune_on(splits(*enough))
    require_slides_to_tune_on(splits(*((0, None, target) for _, _, target in enough)))
    few = [(1, "a", 1), (1, "a", 0), (1, "b", 1), (1, "b", 0), (1, "c", 0)]
    one_class = [(2, slide, 1) for slide in "abcd"]
    with pytest.raises(UserError) as error:
        require_slides_to_tune_on(splits(*enough, *few, *one_class))
    text = str(error.value)
    assert "fold 1: 3 validation slides, 2 with positive tiles, 3 with negative ones" in text
    assert "fold 2: 4 validation slides, 4 with positive tiles, 0 with negative ones" in text
    assert "fold 0" not in text and "raise split.validation" in text


def test_without_optuna_nothing_is_begun(phantom, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    given = {"manifest": str(phantom), "models": ["lenet"], "tuning": {"trials": 8}}
    with pytest.raises(UserError, match=r'pip install "her2bench\[tuning\]"'):
        hb.compare(given, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_split_of_random_tiles_cannot_be_tuned(phantom, tmp_path):
    given = {"manifest": str(phantom), "models": ["lenet"], "tuning": {"trials": 8}}
    with pytest.raises(UserError, match="validation would hold tiles of the test slides"):
        hb.compare(given, tmp_path / "out", overrides=["split.kind=random-tiles"])
    assert not (tmp_path / "out").exists()

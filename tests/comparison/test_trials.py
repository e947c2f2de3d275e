"""The study of a model's trials: budget, order, early stops, kills, and files that are refused."""

import sqlite3

import optuna
import pytest

from her2bench.comparison.trials import Space, opened_trials
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.core.errors import UserError
from her2bench.core.score_parts import TunedModel
from her2bench.training.epochs import DivergenceError
from her2bench.training.tuning_settings import TuningSettings

SPACE = Space("m fold 0 key", {"learning_rate": (1e-4, 1e-2), "batch": (8, 32)}, {"batch": 16})
SIX = TuningSettings(trials=6)


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.fixture
def folder(tmp_path):
    """A name with what would mean something in an address of a database."""
    return TuningFolder(tmp_path / "a?b #%20c" / "fold-0")


def losses(trial):
    """Three epochs; the further the rate is from 0.001, the worse."""
    loss = abs(trial.values["learning_rate"] - 1e-3)
    for epoch in (1, 2, 3):
        trial.epoch(epoch, loss, 1.0, last=epoch == 3)
    return loss


def tuned(folder, objective=losses, budget=SIX, space=SPACE):
    """Make the trials that are missing; returns the chosen, and all that ended."""
    with opened_trials(folder, space, budget, 0, 1) as trials:
        trials.make(objective, lambda number: None)
        ended = [(t.state.name, t.params, t.value) for t in trials.ended]
        return trials.chosen("m", 0, folder.path), ended


def test_the_chosen_values_are_the_best_and_the_first_are_those_of_the_recipe(folder):
    chosen, ended = tuned(folder)
    assert (chosen.trials, len(ended)) == (6, 6) and chosen.seconds <= 18
    whole = [(value, params) for state, params, value in ended if state == "COMPLETE"]
    assert (chosen.loss, chosen.values) == min(whole, key=lambda each: each[0])
    assert ended[0][1]["batch"] == 16
    with opened_trials(folder, SPACE, SIX, 0, 1) as trials:
        assert chosen.values == trials.study.best_params
    assert chosen.space == {"learning_rate": (1e-4, 1e-2), "batch": (8, 32)}
    assert all(8 <= p["batch"] <= 32 and isinstance(p["batch"], int) for _, p, _ in ended)


@pytest.mark.parametrize("when", [0, 4])
def test_a_killed_trial_is_made_again_with_the_same_values(folder, tmp_path, when):
    def killed(trial):
        if trial.number == when:
            raise Killed
        return losses(trial)

    with pytest.raises(Killed):
        tuned(folder, killed)
    resumed = tuned(folder)
    assert resumed == tuned(TuningFolder(tmp_path / "whole"))
    assert len(resumed[1]) == 6
    with opened_trials(folder, SPACE, SIX, 0, 1) as trials:
        states = [each.state.name for each in trials.study.trials]
    assert states.count("FAIL") == 1 and "RUNNING" not in states


def test_worse_trials_end_early_and_count(folder):
    seen = {}

    def worse(trial):
        for epoch in (1, 2, 3):
            seen[trial.number] = epoch
            trial.epoch(epoch, float(trial.number), 1.0, last=epoch == 3)
        return float(trial.number)

    chosen, ended = tuned(folder, worse)
    assert [state for state, _, _ in ended] == ["COMPLETE"] * 3 + ["PRUNED"] * 3
    assert (chosen.trials, chosen.pruned, chosen.loss, chosen.seconds) == (6, 3, 0.0, 9 + 6)
    assert seen == {0: 3, 1: 3, 2: 3, 3: 2, 4: 2, 5: 2}, "the first epoch is never cut"
    chosen, _ = tuned(
        TuningFolder(folder.path.parent / "all"), worse, TuningSettings(trials=6, pruning=False)
    )
    assert chosen.pruned == 0 and seen[5] == 3


def test_a_budget_in_seconds_is_that_of_training(folder):
    chosen, ended = tuned(folder, budget=TuningSettings(seconds=7.5, pruning=False))
    assert (chosen.trials, chosen.seconds) == (3, 8.0)
    assert [state for state, _, _ in ended] == ["COMPLETE", "COMPLETE", "PRUNED"]


def test_one_setting_within_seconds_ends_by_itself(folder, monkeypatch):
    monkeypatch.setattr("her2bench.comparison.trials.MOST_OF_ONE", 3)
    space = Space("m fold 0 one", {"regularisation": (1e-4, 10.0)}, {"regularisation": 1.0})
    budget = TuningSettings(seconds=600)
    chosen, _ = tuned(folder, lambda trial: trial.values["regularisation"], budget, space)
    assert chosen.trials == 3


def test_trials_that_diverge_count_and_are_never_chosen(folder, tmp_path):
    def some(trial):
        if trial.number % 2 == 0:
            trial.seconds += 1
            raise DivergenceError("recipe.learning_rates", found="not finite")
        return losses(trial)

    chosen, ended = tuned(folder, some)
    assert chosen.trials == 6 and chosen.pruned >= 3 and ended[0][0] == "PRUNED"

    def none(trial):
        raise DivergenceError("recipe.learning_rates", found="not finite")

    with pytest.raises(UserError, match="all 6 trials of m on fold 0 diverged"):
        tuned(TuningFolder(tmp_path / "none"), none)


def test_the_seed_is_that_of_the_first_call(folder):
    for seed in (3, 4):
        with opened_trials(folder, SPACE, SIX, seed, 1) as trials:
            assert trials.seed == 3


def test_optuna_is_as_loud_as_before(folder):
    before = optuna.logging.get_verbosity()
    tuned(folder)
    assert optuna.logging.get_verbosity() == before


def test_trials_of_another_study_are_refused_by_name(folder):
    tuned(folder)
    with pytest.raises(UserError, match="another tuning: 'm fold 0 key'") as error:
        tuned(folder, space=Space("m fold 1 key", SPACE.ranges, {}))
    assert str(folder.trials) in str(error.value) and "delete" in error.value.hint


def noise(path):
    path.write_bytes(b"no database at all" * 100)


def cut(path):
    path.write_bytes(path.read_bytes()[:20_000])


def other(path):
    path.unlink()
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE tiles (id)")


@pytest.mark.parametrize("damage", [noise, cut, other])
def test_a_damaged_file_is_refused_by_name(damage, folder):
    tuned(folder, budget=TuningSettings(trials=1))
    damage(folder.trials)
    with pytest.raises(UserError, match=r"trials\.sqlite.*damaged") as error:
        tuned(folder)
    assert f"delete {folder.path}" in error.value.hint


def test_the_record_is_read_damaged_or_refused(folder, caplog):
    chosen = TunedModel("m", 0, 6, 1, 2.5, 0.25, {"batch": 16}, {"batch": (8, 32)})
    assert folder.read("m fold 0 key") is None
    folder.write("m fold 0 key", chosen)
    assert folder.read("m fold 0 key") == chosen
    with pytest.raises(UserError, match="another tuning"):
        folder.read("m fold 1 key")
    folder.record.write_text("damaged")
    assert folder.read("m fold 0 key") is None and "written again" in caplog.text

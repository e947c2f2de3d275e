"""Tuning in a comparison: equal budgets, no test tile, progress, and files that are refused."""

import sqlite3
from collections import Counter
from contextlib import closing

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from her2bench.comparison import executor
from her2bench.comparison.executor import planned_epochs
from her2bench.comparison.folds import Fold
from her2bench.comparison.trials import MOST_OF_ONE
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.comparison.watcher import Watcher
from her2bench.core.errors import UserError
from her2bench.models import registry
from her2bench.prediction.tile_loader import TileLoader

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
TRIALS = 3  # of the config


def states(path):
    """How many trials of a study are in which state."""
    with closing(sqlite3.connect(path)) as base:
        return Counter(row[0] for row in base.execute("SELECT state FROM trials"))


def trials_of(part, model):
    return TuningFolder.of(part.folder, model, 0).trials


def test_every_model_has_the_same_budget_and_runs_have_the_chosen_values(tune):
    part, tuned = tune(seeds=[0, 1])
    assert [(each.model, each.trials) for each in tuned] == [
        *(("lenet", TRIALS), ("tiny", TRIALS), ("dab_baseline", TRIALS)),
    ]
    for each in tuned:
        ended = states(trials_of(part, each.model))
        assert ended["COMPLETE"] + ended["PRUNED"] == TRIALS
        assert ended["PRUNED"] == each.pruned and each.seconds > 0
        for seed in (0, 1) if each.model in part.config.models else (0,):
            done = part.folder.run(each.model, seed, 0).summary()
            assert done["tuned"] == each.values and done["tuning_seconds"] == each.seconds
    lenet, tiny, dab = tuned
    assert set(tiny.values) == {"augment_strength", "batch"}
    assert set(dab.values) == {"regularisation"}
    done = part.folder.run("lenet", 1, 0).summary()
    assert done["learning_rate"] == lenet.values["learning_rate"]
    assert "tuned" not in part.folder.run("always_positive", 0, 0).summary()
    assert not list(part.folder.path.rglob("trial-*"))


def test_trials_see_no_test_tile(tune, monkeypatch):
    given, asked, tune_models = [], set(), executor.tune_models
    batches, side = TileLoader.batches, Fold.side
    on = []

    def watched(*arguments):
        on.append(True)
        try:
            return tune_models(*arguments)
        finally:
            on.clear()

    def seen_batches(self, rows):
        rows = list(rows)
        given.extend(int(row) for part in rows if on for row in np.atleast_1d(part))
        return batches(self, rows)

    def seen_side(self, split):
        found = side(self, split)
        if on:
            asked.update(found.rows.tolist())
        return found

    monkeypatch.setattr(executor, "tune_models", watched)
    monkeypatch.setattr(TileLoader, "batches", seen_batches)
    monkeypatch.setattr(Fold, "side", seen_side)
    part, _ = tune(models=["tiny"])
    fold = part.folds(CPU)[0]
    allowed = {s: set(side(fold, s).rows.tolist()) for s in ("train", "val", "test")}
    assert set(given) == asked == allowed["train"] | allowed["val"]
    assert not asked & allowed["test"]


class Progress(Watcher):
    """Counts the notifications."""

    def __init__(self):
        self.epochs, self.trials = Counter(), []

    def epoch(self, job, row):
        self.epochs[str(job)] += 1

    def left_out(self, job, epochs):
        self.epochs[str(job)] += epochs

    def trial(self, job, number, budget):
        self.trials.append((str(job), number, budget))


def test_progress_counts_trials_and_their_epochs(tune):
    watcher = Progress()
    part, _ = tune(watcher=watcher, models=["tiny"])
    planned = {str(job): epochs for job, epochs in planned_epochs(part)}
    assert planned["tiny tuning fold 0"] == TRIALS * 2 and planned["tiny seed 0 fold 0"] == 2
    assert +watcher.epochs == {name: epochs for name, epochs in planned.items() if epochs}
    assert watcher.trials[:TRIALS] == [("tiny tuning fold 0", n + 1, 3) for n in range(TRIALS)]


def test_a_finished_tuning_is_kept_and_a_foreign_or_damaged_one_refused(tune, tmp_path):
    part, tuned = tune(models=["tiny"])
    watcher = Progress()
    changed = {"models": ["tiny"], "seeds": [1]}
    again = tune(watcher=watcher, **changed)[1]
    assert again == tuned and not watcher.trials
    assert part.folder.run("tiny", 1, 0).summary()["tuned"] == tuned[0].values

    done = part.folder.run("tiny", 1, 0)
    done.mark_done({**done.summary(), "tuned": {"batch": 9.0}})
    assert tune(**changed)[1] == tuned  # the run is repeated with the chosen values
    assert done.summary()["tuned"] == tuned[0].values

    folder = TuningFolder.of(part.folder, "tiny", 0)
    folder.record.unlink()  # made again from the trials
    assert tune(watcher=watcher, **changed)[1] == tuned and len(watcher.trials) == 0
    content = folder.trials.read_bytes()
    folder.trials.write_bytes(b"x" * len(content))
    with pytest.raises(UserError, match=r"tiny.tuning.fold-0.trials\.sqlite.*damaged"):
        tune(**changed)
    foreign = TuningFolder.of(part.folder, "dab_baseline", 0)
    folder.trials.write_bytes(foreign.trials.read_bytes())
    with pytest.raises(UserError, match="another tuning: 'dab_baseline fold 0"):
        tune(**changed)


def test_frozen_heads_and_ordinal_baselines_are_tuned(tune, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    torch.manual_seed(3)
    save_file(registry.build_model("tiny", 64).state_dict(), weights)
    frozen = {"pretrained": str(weights), "training": "frozen"}
    part, tuned = tune(
        endpoint="score",
        models=["tiny"],
        network={"tiny": frozen},
        baselines=["score_frequencies", "dab_baseline"],
        tuning={"seconds": 0.5, "space": {"regularisation": [1e-3, 1.0]}},
    )
    assert [each.model for each in tuned] == ["tiny", "dab_baseline"]
    for each in tuned:
        assert each.space == {"regularisation": (1e-3, 1.0)} and each.pruned == 0
        assert 1e-3 <= each.values["regularisation"] <= 1
        assert each.trials > 1 and (each.seconds >= 0.5 or each.trials == MOST_OF_ONE)
    head = part.folder.run("tiny", 0, 0).summary()
    assert head["regularisation"] == tuned[0].values["regularisation"]
    validated = pl.read_csv(part.folder.run("tiny", 0, 0).metrics)["val_loss"].item()
    assert validated == pytest.approx(tuned[0].loss, rel=1e-3)

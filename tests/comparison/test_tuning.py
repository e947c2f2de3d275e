"""Tuning in a comparison: equal budgets, no test tile, kills, and what the folder says of it."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress

import numpy as np
import polars as pl
import pytest
import tomli_w
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import her2bench as hb
from her2bench.comparison import executor
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.executor import planned_epochs, run_jobs
from her2bench.comparison.folds import Fold
from her2bench.comparison.plan import Choices
from her2bench.comparison.prepared import open_folder, prepare
from her2bench.comparison.trials import MOST_OF_ONE
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.comparison.watcher import Watcher
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.prediction.tile_loader import TileLoader

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
TRIALS = 3
CONFIG = {
    "models": ["lenet", "tiny"],
    "baselines": ["always_positive", "dab_baseline"],
    "seeds": [0],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.3, "test": 0.25},
    "recipe": {"epochs": 2, "batch": 16, "learning_rates": [1e-3], "augment": ["stain"]},
    "tuning": {"trials": TRIALS, "space": {"learning_rate": [1e-4, 1e-2]}},
    "network": {"tiny": {"tuning": {"augment_strength": [0, 2], "batch": [8, 16]}}},
    "score": {"bootstrap": 0, "flips": 99},
}


def make_tiny():
    """A network that trains in no time."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 8, stride=8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 1),
    )


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    registry.network("lenet")  # registered once, when its module is imported
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    monkeypatch.setitem(NETWORKS, "tiny", "Tiny")
    registry.register_model("tiny", make_tiny)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of its own: other tests count the files in theirs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """The manifest of 24 slides of 3 tiles."""
    folder = tmp_path_factory.mktemp("tuned") / "tiles"
    write_phantom(folder, PhantomSettings(slides=24, tiles_per_slide=3, size=64), workers=1)
    return folder / "manifest.csv"


@pytest.fixture
def run(tiles, cache, tmp_path):
    """Tune and train, without scores and report; returns what was prepared and chosen."""

    def run(out="out", watcher=None, **changes):
        settings = {"manifest": str(tiles), **CONFIG, **changes}
        config = settings_from(ComparisonConfig, settings, "test")
        folder = ComparisonFolder(tmp_path / out)
        part = prepare(config, read_manifest(config.manifest), folder, cache, False)
        open_folder(part)
        choices = Choices("cpu", cache, self_test=False)
        return part, run_jobs(part, CPU, choices, watcher or Watcher())

    return run


def states(path):
    """How many trials of a study are in which state."""
    with closing(sqlite3.connect(path)) as base:
        return Counter(row[0] for row in base.execute("SELECT state FROM trials"))


def trials_of(part, model):
    return TuningFolder.of(part.folder, model, 0).trials


def test_every_model_has_the_same_budget_and_runs_have_the_chosen_values(run):
    part, tuned = run(seeds=[0, 1])
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


def test_trials_see_no_test_tile(run, monkeypatch):
    given, asked, tune = [], set(), executor.tune_models
    batches, side = TileLoader.batches, Fold.side
    on = []

    def watched(*arguments):
        on.append(True)
        try:
            return tune(*arguments)
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
    part, _ = run(models=["tiny"])
    fold = part.folds(CPU)[0]
    allowed = {s: set(side(fold, s).rows.tolist()) for s in ("train", "val", "test")}
    assert set(given) == asked == allowed["train"] | allowed["val"]
    assert not asked & allowed["test"]


class Progress(Watcher):
    """Counts what it is told."""

    def __init__(self):
        self.epochs, self.trials = Counter(), []

    def epoch(self, job, row):
        self.epochs[str(job)] += 1

    def left_out(self, job, epochs):
        self.epochs[str(job)] += epochs

    def trial(self, job, number, budget):
        self.trials.append((str(job), number, budget))


def test_progress_counts_trials_and_their_epochs(run):
    watcher = Progress()
    part, _ = run(watcher=watcher, models=["tiny"])
    planned = {str(job): epochs for job, epochs in planned_epochs(part)}
    assert planned["tiny tuning fold 0"] == TRIALS * 2 and planned["tiny seed 0 fold 0"] == 2
    assert +watcher.epochs == {name: epochs for name, epochs in planned.items() if epochs}
    assert watcher.trials[:TRIALS] == [("tiny tuning fold 0", n + 1, 3) for n in range(TRIALS)]


def test_a_finished_tuning_is_kept_and_a_foreign_or_damaged_one_refused(run, tmp_path):
    part, tuned = run(models=["tiny"])
    watcher = Progress()
    changed = {"models": ["tiny"], "seeds": [1]}
    again = run(watcher=watcher, **changed)[1]
    assert again == tuned and not watcher.trials
    assert part.folder.run("tiny", 1, 0).summary()["tuned"] == tuned[0].values

    folder = TuningFolder.of(part.folder, "tiny", 0)
    folder.record.unlink()  # made again from the trials
    assert run(watcher=watcher, **changed)[1] == tuned and len(watcher.trials) == 0
    content = folder.trials.read_bytes()
    folder.trials.write_bytes(b"x" * len(content))
    with pytest.raises(UserError, match=r"tiny.tuning.fold-0.trials\.sqlite.*damaged"):
        run(**changed)
    foreign = TuningFolder.of(part.folder, "dab_baseline", 0)
    folder.trials.write_bytes(foreign.trials.read_bytes())
    with pytest.raises(UserError, match="another tuning: 'dab_baseline fold 0"):
        run(**changed)


LAUNCHER = """
import sys
import her2bench as hb
config, out, cache = sys.argv[1:]
hb.compare(config, out, cache=cache, device="cpu", audit=False, self_test=False)
"""


def test_killed_and_resumed_it_ends_as_in_one_piece(run, tiles, cache, tmp_path):
    alone = {"models": ["lenet"], "network": {}}
    part, tuned = run("whole", **alone)
    config, out = tmp_path / "c.toml", tmp_path / "killed"
    config.write_text(tomli_w.dumps({"manifest": str(tiles), **CONFIG, **alone}))
    command = [sys.executable, "-c", LAUNCHER, config, out, cache]
    trials = out / "runs" / "lenet" / "tuning" / "fold-0" / "trials.sqlite"
    for moment in (1, 2):  # trials that have ended
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and _ended(trials) < moment:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()[1].decode()
        os.kill(process.pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.communicate()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = hb.load_scores(out / "scores.json").tuning
    assert [(each.model, each.trials, each.pruned, each.values) for each in found] == [
        (each.model, each.trials, each.pruned, each.values) for each in tuned
    ]
    for each in tuned:
        ended = states(TuningFolder.of(ComparisonFolder(out), each.model, 0).trials)
        assert ended["COMPLETE"] + ended["PRUNED"] == TRIALS and not ended["RUNNING"]
    runs = [part.run(job).predictions for job in part.jobs]
    whole = pl.concat([pl.read_parquet(path) for path in runs])
    key = ["model", "tile_id"]
    assert pl.read_parquet(out / "predictions.parquet").sort(key).equals(whole.sort(key))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "tuned with the same budget, 3 trials" in page
    assert "Not tuned: Always positive" in page
    assert "not tuned." not in page and "Values that the trials chose" in page
    table = pl.read_csv(out / "table.csv").filter(model="lenet", split="test")
    runs_alone = ComparisonFolder(out).run("lenet", 0, 0).summary()["train_seconds"]
    total = table["train_seconds_total"].item()
    assert total == pytest.approx(runs_alone + found[0].seconds)


def _ended(path):
    """Trials of a study that have ended; 0 while there is no study."""
    with suppress(sqlite3.Error):
        if path.is_file():
            found = states(path)
            return found["COMPLETE"] + found["PRUNED"]
    return 0


def test_a_planted_pixel_that_identifies_the_slide_does_not_profit(run, tmp_path):
    rng, rows = np.random.default_rng(0), []
    for slide in range(32):
        colour = rng.integers(0, 256, 3)
        for tile in range(4):
            pixels = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
            pixels[:8, :8] = colour
            path = tmp_path / f"{slide}-{tile}.png"
            Image.fromarray(pixels).save(path)
            rows.append((path.name, str(path), 3 * (slide % 2), f"s{slide}"))
    table = pl.DataFrame(rows, ["tile_id", "path", "score", "group_id"], orient="row")
    table.write_csv(tmp_path / "m.csv")
    changes = {"manifest": str(tmp_path / "m.csv"), "models": ["lenet"], "network": {}}
    changes |= {"baselines": [], "split": {"kind": "grouped", "validation": 0.3, "test": 0.4}}
    parts = []
    for name, tuning in (("tuned", CONFIG["tuning"]), ("untuned", None)):
        part, _ = run(name, **changes, tuning=tuning)
        rows = pl.read_parquet(part.folder.run("lenet", 0, 0).predictions)
        parts.append(rows.with_columns(model=pl.lit(name)))
    scores = hb.score(pl.concat(parts), bootstrap=0).scores
    (pair,) = [p for p in scores.pairs if (p.metric, p.question) == ("roc_auc", "weights")]
    assert pair.decision not in ("a", "b")
    (row,) = [
        r for r in scores.rows if (r.model, r.split, r.metric) == ("tuned", "test", "roc_auc")
    ]
    assert row.low < 0.5 < row.high


def test_frozen_heads_and_ordinal_baselines_are_tuned(run, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    torch.manual_seed(3)
    save_file(make_tiny().state_dict(), weights)
    frozen = {"pretrained": str(weights), "training": "frozen"}
    part, tuned = run(
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

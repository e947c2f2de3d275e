"""Seeds trained at once leave the very runs that they leave one by one."""

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import polars as pl
import pytest
import torch

from her2bench.comparison import ahead
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder

pytestmark = pytest.mark.slow

THREE = ("seeds=[0, 1, 2]", "recipe.epochs=2")


class Counted(Watcher):
    """Counts how often it is told of each epoch."""

    def __init__(self):
        self.told, self.all = Counter(), 0

    def planned(self, epochs):
        self.all = epochs

    def epoch(self, job, row):
        self.told[job, row["learning_rate"], row["epoch"]] += 1


@pytest.fixture
def run(cache, write_config):
    """Run a comparison in this process, its seeds `on` or `off` together."""

    def run(out, together, watcher=None):
        config = load_settings(ComparisonConfig, write_config(), THREE)
        choices = Choices("cpu", cache, together=together)
        return compare(config, out, choices, watcher or Watcher())

    return run


@pytest.fixture
def alone(run, tmp_path):
    return run(tmp_path / "alone", "off")


def assert_same(found: ComparisonFolder, expected: ComparisonFolder):
    """Same rows, and logits that differ by rounding after a few steps: they spread over 0.1."""
    one, other = (pl.read_parquet(folder.predictions) for folder in (found, expected))
    assert one.drop("logit", "probability").equals(other.drop("logit", "probability"))
    np.testing.assert_allclose(one["logit"], other["logit"], atol=1e-3)
    for model, seed, fold, run in expected.finished_runs():
        there = found.run(model, seed, fold)
        assert {p.name for p in there.path.iterdir()} == {p.name for p in run.path.iterdir()}
        assert there.config.read_text() == run.config.read_text()
        if run.metrics.is_file():
            rows, others = (pl.read_csv(r.metrics).drop("^.*second.*$") for r in (there, run))
            assert rows.columns == others.columns
            np.testing.assert_allclose(rows, others, atol=1e-3)


def test_at_once_leaves_the_same_runs_as_one_by_one(run, alone, tmp_path):
    watcher = Counted()
    together = run(tmp_path / "together", "on", watcher)
    assert_same(together, alone)
    assert [together.run("lenet", s, 0).summary()["trained_together"] for s in range(3)] == [3] * 3
    assert alone.run("lenet", 0, 0).summary()["trained_together"] == 1
    assert set(watcher.told.values()) == {1}
    assert len(watcher.told) == watcher.all == 3 * 2 * 2  # seeds x learning rates x epochs
    logits = pl.read_parquet(alone.predictions).filter(pl.col("model") == "lenet")
    spread = logits.group_by("tile_id").agg(pl.col("logit").std())["logit"]
    assert spread.mean() > 0.01  # seeds apart by more than the tolerance


def test_short_memory_halves_the_group(run, alone, tmp_path, monkeypatch):
    fit_together, tried = ahead.fit_together, []

    def fit(fabric, courses, *sides):
        tried.append(len(courses))
        if len(courses) > 2:
            raise torch.OutOfMemoryError
        return fit_together(fabric, courses, *sides)

    monkeypatch.setattr(ahead, "fit_together", fit)
    together = run(tmp_path / "together", "on")
    assert tried == [3, 2, 3, 2]  # for each learning rate; the third seed is trained alone
    assert_same(together, alone)


MOMENTS = [
    "runs/lenet/seed-0/fold-0/unfinished/learning-rate-0.0001/kept.safetensors",
    "runs/lenet/seed-1/fold-0/DONE",
]


def test_killed_between_its_seeds_it_ends_with_the_same_predictions(
    run, alone, write_config, tmp_path, cache
):
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "her2bench", "compare", write_config(), "-o", out]
    command += ["--device", "cpu", "--cache", cache, "--together", "on", "--set", THREE[0]]
    command += ["--set", THREE[1]]
    for moment in MOMENTS:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and not (out / moment).exists():
            time.sleep(0.002)
        assert process.poll() is None, process.communicate()[1].decode()
        process.kill()
        process.communicate()
    assert not (out / "predictions.parquet").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert_same(ComparisonFolder(out), alone)


def test_an_unknown_choice_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="one of auto, on, off"):
        run(tmp_path / "out", "often")

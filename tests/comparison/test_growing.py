"""A finished comparison that grows or shrinks: what was trained is not trained again."""

import json

import polars as pl
import pytest

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.core.config import load_settings, parsed_toml
from her2bench.core.errors import UserError

SMALL = ("recipe.epochs=1", "recipe.learning_rates=[1e-3]", "seeds=[0]")


class Trained(Watcher):
    """Keeps the runs that were trained."""

    def __init__(self):
        self.jobs = set()

    def epoch(self, job, row):
        self.jobs.add((job.model, job.seed))


@pytest.fixture
def grow(write_config, tmp_path, cache):
    """Compare in one folder with these settings; returns the folder and what was trained."""

    def grow(*overrides, **settings):
        settings.setdefault("baselines", ["dab_baseline"])
        config = load_settings(ComparisonConfig, write_config(**settings), (*SMALL, *overrides))
        watcher = Trained()
        return compare(
            config, tmp_path / "out", Choices("cpu", cache, audit=False), watcher
        ), watcher.jobs

    return grow


def shown(folder):
    """The models of each result."""
    return [
        set(pl.read_parquet(folder.predictions)["model"]),
        set(pl.read_csv(folder.table)["model"]) - {"ceiling"},
        {row["model"] for row in json.loads(folder.scores.read_text())["rows"]} - {"ceiling"},
    ]


@pytest.mark.slow
def test_models_and_seeds_come_and_go(grow):
    folder, _ = grow(models=["lenet"])
    run = folder.run("lenet", 0, 0)
    written = {path: path.stat().st_mtime_ns for path in run.path.iterdir() if path.suffix != ".md"}

    folder, trained = grow(
        models=["lenet", "dabnet"], baselines=["dab_baseline", "always_positive"]
    )
    assert trained == {("dabnet", 0)}
    assert shown(folder) == [{"lenet", "dabnet", "dab_baseline", "always_positive"}] * 3
    assert "DABNet" in folder.report.read_text(encoding="utf-8")
    mine = folder.figures / "reliability-dabnet-mine.png"
    mine.write_bytes(b"")

    folder, trained = grow("seeds=[0, 1]", models=["dabnet", "lenet"])
    assert trained == {("lenet", 1), ("dabnet", 1)}
    assert shown(folder) == [{"lenet", "dabnet", "dab_baseline"}] * 3

    folder, trained = grow(models=["lenet"])
    assert not trained and shown(folder) == [{"lenet", "dab_baseline"}] * 3
    assert "DABNet" not in folder.report.read_text(encoding="utf-8")
    assert set(folder.path.glob("**/*dabnet*")) == {folder.path / "runs" / "dabnet", mine}
    assert not list(folder.path.glob("runs/dabnet/*.md"))
    assert folder.run("dabnet", 1, 0).done

    folder, trained = grow("seeds=[0, 1]", models=["lenet", "dabnet"])
    assert not trained
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["recipe.epochs=2"], "recipe.epochs: 1 before, 2 now"),
        (["recipe.learning_rates=[1e-4]"], "recipe.learning_rates.lenet"),
        (["recipe.augment=[]"], "recipe.augment"),
        (["size=96"], "size: 64 before, 96 now"),
        (["endpoint=3+"], "endpoint: 2+ before, 3+ now"),
        (["split.seed=7"], "split.seed"),
    ],
)
def test_what_a_run_was_trained_with_may_not_change(grow, overrides, named):
    grow(models=["lenet"])
    with pytest.raises(UserError, match="another config") as error:
        grow(*overrides, models=["lenet", "dabnet"])
    assert named in str(error.value) and "models, seeds, baselines" in str(error.value)


def test_options_of_one_network_do_not_touch_another(write_config):
    path = write_config(models=["lenet", "dabnet"])
    before = parsed_toml(path.read_text())
    rates = {"lenet": [1e-3], "dabnet": [1e-3]}
    changed = {**before, "network": {"dabnet": {"backbone_rate": 0.5}}}
    changed["recipe"] = {**before["recipe"], "learning_rates": {**rates, "dabnet": [1e-2]}}
    before["recipe"]["learning_rates"] = [1e-3]
    assert trained_by(before, ["lenet"]) == trained_by(changed, ["lenet"])
    assert trained_by(before, ["dabnet"]) != trained_by(changed, ["dabnet"])


def test_settings_of_an_earlier_version_are_those_that_it_had(write_config):
    before = parsed_toml(write_config(models=["lenet"]).read_text())
    now = load_settings(ComparisonConfig, write_config(models=["lenet"]))
    assert trained_by(before) == trained_by(now.model_dump(mode="json", exclude_none=True))

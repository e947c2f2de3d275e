"""A phantom and a config small enough to be compared in seconds."""

import shutil

import pytest
import tomli_w
import torch
from benchmarks.corruption import Campaign, quick
from torch import nn

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.executor import run_jobs
from her2bench.comparison.prepared import open_folder, prepare
from her2bench.core.config import settings_from
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.phantom import PhantomSettings, write_phantom

CONFIG = {
    "endpoint": "2+",
    "models": ["lenet"],
    "seeds": [0, 1],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.25, "test": 0.25},
    "recipe": {"epochs": 3, "batch": 16, "learning_rates": [1e-4, 3e-4], "augment": ["flip"]},
    "score": {"threshold": {"kind": "youden"}, "bootstrap": 200, "flips": 99},
}


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """The manifest of 16 slides of about 4 tiles."""
    folder = tmp_path_factory.mktemp("phantom") / "tiles"
    write_phantom(folder, PhantomSettings(slides=16, tiles_per_slide=4, size=64), workers=1)
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A tile cache for this test run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def write_config(tmp_path, phantom):
    """Write a config for the phantom, with changes; returns its path."""

    def write(**changes):
        path = tmp_path / "config.toml"
        path.write_text(tomli_w.dumps({"manifest": str(phantom), **CONFIG, **changes}))
        return path

    return write


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory, phantom, cache):
    """A finished comparison of all three networks, one epoch each; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    settings = {"manifest": str(phantom), **CONFIG, "models": ["lenet", "alexnet", "mini_hahnet"]}
    settings["recipe"] = {"epochs": 1, "batch": 16, "learning_rates": [1e-4]}
    config = settings_from(ComparisonConfig, settings, "test")
    return compare(config, folder / "out", Choices(device="cpu", cache=cache), Watcher())


@pytest.fixture
def finished(finished_once, tmp_path):
    """A copy of that comparison."""
    shutil.copytree(finished_once.path, tmp_path / "finished")
    return ComparisonFolder(tmp_path / "finished")


class Counted(Watcher):
    """Counts the epochs that were trained."""

    epochs = 0

    def epoch(self, job, row):
        self.epochs += 1


@pytest.fixture(scope="session")
def campaign(tmp_path_factory):
    return Campaign(tmp_path_factory.mktemp("campaign"), optimism=False)


@pytest.fixture
def state(campaign, tmp_path):
    """A copy of the finished comparison with its cache."""
    shutil.copytree(campaign.root / "finished", tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def again(campaign, state):
    """Give the command again, with changes; returns the epochs that were trained."""

    def again(**changes):
        watcher, config = Counted(), campaign.config(**changes)
        with quick():
            choices = Choices("cpu", state / "cache", skip_bad=True, audit=False)
            compare(config, state / "out", choices, watcher)
        return watcher.epochs

    return again


TUNED = {
    "models": ["lenet", "tiny"],
    "baselines": ["always_positive", "dab_baseline"],
    "seeds": [0],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.3, "test": 0.25},
    "recipe": {"epochs": 2, "batch": 16, "learning_rates": [1e-3], "augment": ["stain"]},
    "tuning": {"trials": 3, "space": {"learning_rate": [1e-4, 1e-2]}},
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


@pytest.fixture
def tiny(monkeypatch):
    registry.network("lenet")  # registered once, when its module is imported
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    monkeypatch.setitem(NETWORKS, "tiny", "Tiny")
    registry.register_model("tiny", make_tiny)


@pytest.fixture
def tuned_config():
    """The settings of a small comparison with tuning."""
    return TUNED


@pytest.fixture(scope="session")
def tuned_tiles(tmp_path_factory):
    """The manifest of 24 slides of 3 tiles."""
    folder = tmp_path_factory.mktemp("tuned") / "tiles"
    write_phantom(folder, PhantomSettings(slides=24, tiles_per_slide=3, size=64), workers=1)
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def tuned_cache(tmp_path_factory):
    """A cache of its own: tests count the files in the other."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tune(tuned_tiles, tuned_cache, tiny, tmp_path):
    """Tune and train, without scores and report; returns what was prepared and chosen."""

    def tune(out="out", watcher=None, **changes):
        settings = {"manifest": str(tuned_tiles), **TUNED, **changes}
        config = settings_from(ComparisonConfig, settings, "test")
        folder = ComparisonFolder(tmp_path / out)
        part = prepare(config, read_manifest(config.manifest), folder, tuned_cache, False)
        open_folder(part)
        choices = Choices("cpu", tuned_cache, self_test=False)
        return part, run_jobs(part, torch.device("cpu"), choices, watcher or Watcher())

    return tune

"""A device without room for a batch, in a comparison: split and recorded, or a clear message."""

import polars as pl
import pytest
import torch

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.models.dabnet import DABNet
from her2bench.models.lenet import LeNet

SMALL = ("recipe.epochs=1", "recipe.learning_rates=[1e-3]", "seeds=[0]", "baselines=[]")


@pytest.fixture
def little_room(monkeypatch):
    """There is room for five tiles of either network."""
    for kind in (DABNet, LeNet):

        def forward(self, tiles, computed=kind.forward):
            if len(tiles) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return computed(self, tiles)

        monkeypatch.setattr(kind, "forward", forward)


def test_the_size_that_was_used_and_all_time_are_recorded(
    little_room, write_config, tmp_path, cache, caplog
):
    two_rates = (*SMALL, "recipe.learning_rates=[1e-3, 1e-4]")
    config = load_settings(ComparisonConfig, write_config(), two_rates)
    folder = compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())
    run = folder.run("lenet", 0, 0)
    summary, epochs = run.summary(), pl.read_csv(run.metrics)
    assert summary["micro_batch"] == 4
    assert epochs.height == 2 and summary["train_seconds"] == pytest.approx(epochs["seconds"].sum())
    assert summary["predict_tiles_per_second"] > 0 and summary["multiply_adds"] > 0
    assert "no room on the device for 16 tiles in training lenet" in caplog.text


def test_a_network_that_needs_whole_batches_is_named(little_room, write_config, tmp_path, cache):
    config = load_settings(ComparisonConfig, write_config(models=["dabnet"]), SMALL)
    with pytest.raises(UserError, match=r"training dabnet .*batch normalisation needs whole"):
        compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())

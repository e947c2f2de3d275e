"""Frozen and fine-tuned networks in a comparison."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from her2bench.comparison import frozen
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import load_trained

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    for name in ("hahnet", "dabnet"):
        registry.network(name)  # registered once, when its module is imported
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    for name in ("frozen", "tuned"):
        monkeypatch.setitem(NETWORKS, name, name)


@pytest.fixture
def weights(tmp_path):
    """Weights of hahnet, as if pretrained."""
    torch.manual_seed(5)
    path = tmp_path / "weights.safetensors"
    save_file(build_model("hahnet", 64).state_dict(), path)
    return path


def config(write_config, weights, **more):
    entry = "her2bench.models.hahnet:HAHNet"
    path = write_config(
        models=[f"frozen={entry}", f"tuned={entry}"],
        baselines=["dab_baseline"],
        seeds=[0, 1],
        network={
            "frozen": {"pretrained": str(weights), "training": "frozen"},
            "tuned": {"pretrained": str(weights), "backbone_rate": 0.1},
        }
        | more,
    )
    return load_settings(ComparisonConfig, path, ("recipe.epochs=1", "recipe.augment=[]"))


@pytest.mark.slow
def test_frozen_and_fine_tuned(write_config, weights, tmp_path, cache, monkeypatch):
    settings, choices = config(write_config, weights), Choices("cpu", cache, audit=False)
    folder = compare(settings, tmp_path / "out", choices, Watcher())
    run = folder.run("frozen", 0, 0)
    kept, about = load_trained(run, CPU)
    torch.manual_seed(5)
    start = build_model("hahnet", 64).state_dict()
    for name, value in kept.state_dict().items():
        same = torch.equal(value, start[name])
        assert same != name.startswith("classifier"), name  # the head alone is fitted
    tuned = load_trained(folder.run("tuned", 0, 0), CPU)[0].state_dict()
    assert not torch.equal(tuned["stem.0.0.weight"], start["stem.0.0.weight"])

    predictions = pl.read_parquet(folder.predictions).filter(pl.col("model") == "frozen")
    by_seed = [part["logit"].to_numpy() for _, part in predictions.group_by("seed")]
    np.testing.assert_array_equal(*by_seed)  # nothing random is left
    summary = run.summary()
    assert summary["regularisation"] in frozen.STRENGTHS
    assert summary["pretrained"].startswith("weights.safetensors ")
    assert about.threshold == summary["threshold"]
    assert (folder.path / "table.csv").read_text().count("frozen") == 3


@pytest.mark.slow
def test_features_are_computed_once_and_damaged_ones_again(
    write_config, weights, tmp_path, cache, monkeypatch
):
    settings, choices = config(write_config, weights), Choices("cpu", cache, audit=False)
    first = compare(settings, tmp_path / "a", choices, Watcher())
    (kept,) = (cache / "features").glob("*.safetensors")
    written = kept.stat().st_mtime_ns

    def table(folder: ComparisonFolder):
        rows = pl.read_parquet(folder.predictions)
        return rows.filter(pl.col("model") == "frozen")

    again = compare(settings, tmp_path / "b", choices, Watcher())
    assert kept.stat().st_mtime_ns == written and table(again).equals(table(first))
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.write_bytes(content)
    third = compare(settings, tmp_path / "c", choices, Watcher())
    assert kept.stat().st_mtime_ns > written and table(third).equals(table(first))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"frozn": {}}, "did you mean 'frozen'"),
        ({"frozen": {"training": "frozen"}}, "needs pretrained weights"),
        ({"frozen": {"training": "half"}}, "training"),
        ({"tuned": {"backbone_rate": 0}}, "backbone_rate"),
    ],
)
def test_wrong_options_are_refused(more, message, write_config, weights):
    with pytest.raises(UserError, match=message):
        config(write_config, weights, **more)


def test_weights_of_another_network_are_refused_before_anything_is_written(
    write_config, tmp_path, cache
):
    save_file(build_model("dabnet", 64).state_dict(), tmp_path / "other.safetensors")
    settings = config(write_config, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other\.safetensors.*weights of another network"):
        compare(settings, tmp_path / "out", Choices("cpu", cache), Watcher())
    assert not (tmp_path / "out").exists()


def test_tiles_of_a_batch_that_ran_out_of_memory_are_not_counted_twice(tmp_path, monkeypatch):
    model, pixels = nn.Sequential(nn.Flatten(), nn.Linear(12, 1)), torch.rand(5, 2, 2, 3)

    def twice(*_):
        model(pixels[:2])  # then there was no room, and the loop began again
        model(pixels)

    monkeypatch.setattr(frozen, "forward", twice)
    fold = SimpleNamespace(tiles=SimpleNamespace(pixels=pixels), pixels="key")
    found = frozen._features(model, model[1], fold, Normalization(), PLAIN, tmp_path)
    np.testing.assert_array_equal(found, pixels.flatten(1).numpy())

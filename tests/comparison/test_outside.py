"""Networks and baselines that are no part of this project, from the config to the report."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from her2bench.cli.results_text import print_results
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.core.vocabulary import BASELINES, NETWORKS
from her2bench.models import registry
from her2bench.models.baselines import registry as baselines
from her2bench.models.registry import register_model, use_model
from her2bench.prediction.trained_networks import load_trained
from her2bench.report.pages.report_page import write_report

CPU = torch.device("cpu")
CLASS = """
from torch import nn
class Tiny(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 4, 5, stride=4), nn.BatchNorm2d(4), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1),
        )
"""
ONE_EPOCH = ("recipe.epochs=1", "recipe.learning_rates=[1e-3]", "seeds=[0]")


class Flat(nn.Module):
    """A network without a convolution, built for a size."""

    def __init__(self, size):
        super().__init__()
        self.head = nn.Linear(3 * size * size, 1)

    def forward(self, tiles):
        return self.head(tiles.flatten(1)).squeeze(1)


@pytest.fixture(autouse=True)
def unchanged():
    """What a test registers is forgotten after it."""
    kept = (NETWORKS, BASELINES, registry._REGISTERED, baselines._REGISTERED)
    before = [dict(each) for each in kept]
    yield
    for each, was in zip(kept, before, strict=True):
        each.clear()
        each.update(was)


def test_networks_and_a_baseline_from_outside_stand_everywhere(
    write_config, tmp_path, cache, monkeypatch, capsys
):
    (tmp_path / "nets_of_mine.py").write_text(CLASS)
    monkeypatch.syspath_prepend(str(tmp_path))
    register_model("flat", Flat, label="Flat network")
    baselines.register_baseline(
        baselines.Baseline(
            "blue_baseline",
            lambda tiles: tiles[..., 2].mean((1, 2))[:, None],
            label="Blue baseline",
            about="Logistic regression on the mean of the blue channel.",
        )
    )
    path = write_config(
        models=["flat", "nets_of_mine:Tiny"],
        baselines=["always_positive", "dab_baseline", "background_baseline", "blue_baseline"],
    )
    config = load_settings(ComparisonConfig, path, ONE_EPOCH)
    folder = compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())

    everyone = {"flat", "Tiny", *config.baselines}
    assert set(pl.read_parquet(folder.predictions)["model"]) == everyone
    assert everyone <= set(pl.read_csv(folder.table)["model"])
    scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    pairs = [p for p in scores["pairs"] if "blue_baseline" in (p["model_a"], p["model_b"])]
    against = [p for p in pairs if p["model_a"] in ("flat", "Tiny")]
    assert against and all(p["family"] == "against baselines" for p in against)
    assert not [p for p in pairs if p["model_b"] in ("flat", "Tiny")]
    page = folder.report.read_text(encoding="utf-8")
    assert "Flat network" in page and "Blue baseline" in page and "blue channel" in page
    assert {p.stem for p in (folder.path / "gallery" / "maps").iterdir()} == {"Tiny"}
    print_results(folder)
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("Flat network", "Tiny", "Blue baseline"))

    run = folder.run("Tiny", 0, 0)
    model, about = load_trained(run, CPU)
    assert about.source == "nets_of_mine:Tiny" and "running_mean" in str(list(model.state_dict()))

    for names in (NETWORKS, registry._REGISTERED):  # another process
        names.pop("Tiny")
    BASELINES.pop("blue_baseline")
    with pytest.raises(UserError, match=r"--model Tiny=nets_of_mine:Tiny"):
        load_trained(run, CPU)
    again = write_report(folder).read_text(encoding="utf-8")
    assert "hown to beat the blue_baseline" in again  # still a baseline: comparison.toml says so
    use_model("nets_of_mine:Tiny")
    weights = load_trained(run, CPU)[0].state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_a_class_that_is_another_one_now_is_named(tmp_path, write_config, cache):
    register_model("flat", Flat)
    config = load_settings(ComparisonConfig, write_config(models=["flat"], baselines=[]), ONE_EPOCH)
    folder = compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())
    register_model("flat", lambda: nn.Conv2d(3, 1, 1))
    with pytest.raises(UserError, match="check that the class of flat is unchanged"):
        load_trained(folder.run("flat", 0, 0), CPU)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ["no_package:Net"]}, "cannot be imported"),
        ({"models": ["torch.nn:Identity"]}, "not a torch module with weights"),
        ({"models": ["a.b:Net", "c.d:net"]}, "two have the name 'net'"),
        ({"models": ["dab_baseline=a.b:Net"]}, "two have the name 'dab_baseline'"),
        ({"models": ["x/y=a.b:Net"]}, "not a model name"),
        ({"baselines": ["dab_basline"]}, "did you mean 'dab_baseline'"),
    ],
)
def test_a_config_that_cannot_be_run_is_refused_before_anything(
    write_config, tmp_path, settings, message
):
    with pytest.raises(UserError, match=message):
        config = load_settings(ComparisonConfig, write_config(**settings))
        compare(config, tmp_path / "out", Choices("cpu"), Watcher())
    assert not (tmp_path / "out").exists()


def test_the_normalisation_is_by_the_training_tiles_and_computed_once(monkeypatch):
    from her2bench.comparison import folds

    calls = []
    monkeypatch.setattr(folds, "fitted_preparation", lambda pixels, rows: calls.append(rows))
    table = pl.DataFrame({"tile_id": ["a", "b"], "split": ["train", "val"], "target": [0, 1]})
    tiles = type("TileLoader", (), {"pixels": np.zeros((2, 4, 4, 3), np.uint8)})()
    fold = folds.Fold(tiles, table.with_columns(row=pl.Series([1, 0])), "key")
    _ = fold.normalization, fold.normalization
    assert [rows.tolist() for rows in calls] == [[1]]

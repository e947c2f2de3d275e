"""One network under several names with other arguments, from the config to the prediction."""

import polars as pl
import pytest
import torch

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.registry import use_model
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.trained_networks import load_trained

CPU = torch.device("cpu")
ONE_EPOCH = ("recipe.epochs=1", "recipe.learning_rates=[1e-3]", "seeds=[0]")


@pytest.fixture(autouse=True)
def unchanged():
    """What a test registers is forgotten after it."""
    registry.network("dabnet")  # its module registers it once
    kept = (NETWORKS, registry._REGISTERED)
    before = [dict(each) for each in kept]
    yield
    for each, was in zip(kept, before, strict=True):
        each.clear()
        each.update(was)


def variants(front_end):
    return {
        "models": ["dabnet", "other=dabnet"],
        "baselines": ["dab_baseline"],
        "network": {"other": {"arguments": {"front_end": front_end, "where": "everywhere"}}},
    }


def test_a_variant_is_trained_recorded_and_built_again(write_config, tmp_path, cache, phantom):
    config = load_settings(ComparisonConfig, write_config(**variants("density")), ONE_EPOCH)
    choices = Choices("cpu", cache, audit=False)
    folder = compare(config, tmp_path / "out", choices, Watcher())
    run = folder.run("other", 0, 0)

    # The name stands for another network of the same shapes now, and no one for any other.
    use_model("other=dabnet", {"front_end": "fixed", "where": "everywhere"})
    model, about = load_trained(run, CPU)
    assert about.source == "dabnet" and about.arguments["front_end"] == "density"
    assert torch.equal(model.stains.unmix, torch.eye(3)) and model.where is None
    for names in (NETWORKS, registry._REGISTERED):
        names.pop("other")
    kept_rows = pl.read_parquet(run.predictions).filter(pl.col("split") == "test")
    rows = pl.read_csv(phantom).filter(pl.col("tile_id").is_in(kept_rows["tile_id"].to_list()))
    paths = [phantom.parent / path for path in rows["path"]]
    found, _ = predict_tiles(run, paths, CPU, skip_bad=False)
    expected = dict(zip(kept_rows["tile_id"], kept_rows["probability"], strict=True))
    for tile_id, probability in zip(rows["tile_id"], found["probability"], strict=True):
        assert probability == pytest.approx(expected[tile_id], abs=1e-5)

    changed = load_settings(ComparisonConfig, write_config(**variants("fixed")), ONE_EPOCH)
    with pytest.raises(UserError, match="front_end: density before, fixed now"):
        compare(changed, tmp_path / "out", choices, Watcher())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["dabnet"], "network": {"dabnet": {"arguments": {"a": 1}}}}, "dabnet_2=dabnet"),
        ({"network": {"other": {"arguments": {"front": 1}}}}, "did you mean 'front_end'"),
        ({"network": {"other": {"arguments": {"front_end": "hsv"}}}}, "'learned', 'fixed'"),
        ({"network": {"other": {"arguments": {"front_end": ["rgb"]}}}}, "arguments.front_end"),
        ({"network": {"othr": {"arguments": {}}}}, "did you mean 'other'"),
    ],
)
def test_wrong_arguments_are_refused_before_training(changes, message, write_config, tmp_path):
    with pytest.raises(UserError, match=message):
        path = write_config(**variants("rgb") | changes)
        compare(load_settings(ComparisonConfig, path), tmp_path / "out", Choices("cpu"), Watcher())
    assert not (tmp_path / "out").exists()


def test_a_network_with_a_recipe_of_its_own(write_config, tmp_path, cache):
    settings = {
        "models": ["lenet", "longer=lenet", "weighted=lenet"],
        "baselines": [],
        "network": {
            "longer": {"recipe": {"epochs": 2, "augment": ["stain"]}},
            "weighted": {"recipe": {"pos_weight": 5.0, "learning_rates": [1e-3, 1e-4]}},
        },
    }
    config = load_settings(ComparisonConfig, write_config(**settings), ONE_EPOCH)
    assert [config.epochs(name) for name in config.names] == [1, 2, 2]
    assert config.recipe_for("longer").augment == ("stain",)
    folder = compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())
    metrics = {name: pl.read_csv(folder.run(name, 0, 0).metrics) for name in config.names}
    epochs = {name: len(table) for name, table in metrics.items()}
    assert epochs == {"lenet": 1, "longer": 2, "weighted": 2}  # of both learning rates
    first = {name: table["train_loss"][0] for name, table in metrics.items()}
    assert len({*first.values()}) == 3, metrics

    other = dict(settings, network={"longer": {"recipe": {"epochs": 3}}})
    again = load_settings(ComparisonConfig, write_config(**other), ONE_EPOCH)
    with pytest.raises(UserError, match=r"network\.longer\.recipe"):
        compare(again, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, r"network\.lenet\.recipe: unknown setting 'epoch'.*'epochs'"),
        ({"epochs": 0}, r"network\.lenet\.recipe: epochs = 0"),
        ({"warmup": 30}, "warmup takes all epochs"),
    ],
)
def test_a_wrong_recipe_of_one_network(write_config, changes, message):
    path = write_config(models=["lenet"], network={"lenet": {"recipe": changes}})
    with pytest.raises(UserError, match=message):
        load_settings(ComparisonConfig, path)

"""The endpoint of the four scores, from a config to predictions that load again."""

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from her2bench.comparison import compare as comparing
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings, to_toml
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.ordinal import SCORE_COLUMNS, binary_columns
from her2bench.core.predictions import COLUMNS
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.registry import build_model, register_model
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.trained_networks import load_trained

CPU = torch.device("cpu")
QUICK = ("recipe.epochs=1", "recipe.learning_rates=[1e-3]", "recipe.augment=[]", "seeds=[0]")


class Tiny(nn.Module):
    """A network from outside, one logit per tile as (b, 1), without a linear head."""

    def __init__(self):
        super().__init__()
        self.shade = nn.Conv2d(3, 1, 1)

    def forward(self, tiles):
        return self.shade(tiles).mean((2, 3))


class Four(Tiny):
    """Four outputs per tile."""

    def forward(self, tiles):
        return super().forward(tiles).expand(-1, 4)


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    for name in registry.OURS:
        registry.network(name)  # registered once, when its module is imported
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    for name in ("tiny", "four", "frozen"):
        monkeypatch.setitem(NETWORKS, name, name)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file(build_model("hahnet", 64).state_dict(), path)
    return path


def run(settings, out, cache) -> ComparisonFolder:
    return compare(settings, out, Choices("cpu", cache, audit=False, self_test=False), Watcher())


@pytest.mark.slow
def test_a_comparison_of_the_four_scores(write_config, weights, tmp_path, cache, monkeypatch):
    register_model("tiny", Tiny)
    path = write_config(
        endpoint="score",
        models=["dabnet", "tiny", "frozen=her2bench.models.hahnet:HAHNet"],
        network={"frozen": {"pretrained": str(weights), "training": "frozen"}},
        baselines=["score_frequencies", "dab_baseline"],
    )
    settings = load_settings(ComparisonConfig, path, QUICK)
    folder = run(settings, tmp_path / "out", cache)

    table = pl.read_parquet(folder.predictions)
    assert set(table.columns) == {*COLUMNS, "score", *SCORE_COLUMNS}
    assert set(table["model"]) == {"dabnet", "tiny", "frozen", *settings.baselines}
    manifest = pl.read_parquet(folder.manifest).select("tile_id", truth="score")
    assert table.join(manifest, on="tile_id").filter(pl.col("score") != pl.col("truth")).is_empty()
    p = table.select(SCORE_COLUMNS).to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(p[:, 2] + p[:, 3], table["probability"], atol=1e-12)
    derived = binary_columns(table).select("target", "probability", "logit")
    assert derived.equals(table.select(derived.columns))

    tiles = read_manifest(folder.manifest)
    for name in ("dabnet", "tiny", "frozen"):  # the network on disk is the one that predicted
        mine = table.filter(model=name, seed=0).sort("tile_id")
        model, about = load_trained(folder.run(name, 0, 0), CPU)
        assert about.endpoint == "score"
        again = score_columns([model], mine["logit"].to_numpy())
        np.testing.assert_allclose(np.stack([*again.values()], 1), mine.select(SCORE_COLUMNS))
        images = tiles.filter(pl.col("tile_id") == mine["tile_id"][0])["path"].to_list()
        found, _ = predict_tiles(folder.run(name, 0, 0), images, CPU)
        np.testing.assert_allclose(found["p3"][0], mine["p3"][0], atol=1e-5)

    before = {path: path.stat().st_mtime_ns for path in folder.path.glob("runs/**/DONE")}
    monkeypatch.setattr(comparing, "write_results", lambda *_: None)
    run(settings, folder.path, cache)  # finished runs are kept
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(UserError, match=r"endpoint: score before, 2\+ now"):
        run(load_settings(ComparisonConfig, write_config(models=["dabnet"])), folder.path, cache)


@pytest.mark.slow
def test_the_frozen_head_is_the_ordinal_regression_on_the_features(
    write_config, weights, tmp_path, cache, monkeypatch
):
    ordered = pytest.importorskip("statsmodels.miscmodels.ordinal_model").OrderedModel
    path = write_config(
        endpoint="score",
        models=["frozen=her2bench.models.hahnet:HAHNet"],
        network={"frozen": {"pretrained": str(weights), "training": "frozen"}},
        baselines=[],
    )
    settings = load_settings(ComparisonConfig, path, (*QUICK, "recipe.pos_weight='none'"))
    monkeypatch.setattr(comparing, "write_results", lambda *_: None)
    table = pl.read_parquet(run(settings, tmp_path / "out", cache).run("frozen", 0, 0).predictions)
    table = table.filter(split="train")
    # Along its own axis the fit is bettered by undoing the penalty alone: a slope of 1 or more.
    model = ordered(table["score"].to_numpy(), table["logit"].to_numpy()[:, None], distr="logit")
    assert model.fit(method="bfgs", disp=False).params[0] >= 0.99


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("recipe.pos_weight='negatives/positives'", "write .inverse-frequency. or .none."),
        ("recipe.pos_weight=2.0", "a weight of positive tiles"),
        ("endpoint='2+'", "is for endpoint = 'score'"),
    ],
)
def test_weights_of_the_other_endpoint_are_refused(more, message, write_config):
    path = write_config(endpoint="score", recipe={"pos_weight": "inverse-frequency"})
    with pytest.raises(UserError, match=message):
        load_settings(ComparisonConfig, path, (more,))


def test_defaults_follow_the_endpoint_and_are_written_out(write_config, tmp_path):
    settings = load_settings(ComparisonConfig, write_config(endpoint="score"))
    assert settings.recipe.pos_weight == "inverse-frequency"
    assert settings.baselines[0] == "score_frequencies"
    (tmp_path / "again.toml").write_text(to_toml(settings))
    assert load_settings(ComparisonConfig, tmp_path / "again.toml") == settings
    binary = load_settings(ComparisonConfig, write_config())
    assert binary.recipe.pos_weight == "negatives/positives"
    assert binary.baselines[0] == "always_positive"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["four"]}, r"(?s)shape \(2, 4\) for 2 tiles.*one logit per tile"),
        ({"baselines": ["always_positive"]}, "always_positive, with endpoint = 'score'"),
        ({"endpoint": "3+", "baselines": ["score_frequencies"]}, "score_frequencies, with"),
    ],
)
def test_models_without_four_probabilities_are_refused(
    changes, message, write_config, tmp_path, cache
):
    register_model("four", Four)
    path = write_config(**{"endpoint": "score", **changes})
    settings = load_settings(ComparisonConfig, path)
    with pytest.raises(UserError, match=message) as error:
        run(settings, tmp_path / "out", cache)
    assert not (tmp_path / "out").exists() and "score" in str(error.value)


def test_a_manifest_with_status_alone_has_no_scores(write_config, phantom, tmp_path, cache):
    tiles = pl.read_csv(phantom).drop("score", "tile_score")
    tiles = tiles.with_columns(path=str(phantom.parent) + "/" + pl.col("path"))
    tiles.write_csv(tmp_path / "status.csv")
    path = write_config(endpoint="score", manifest=str(tmp_path / "status.csv"))
    with pytest.raises(UserError, match="missing columns: score"):
        run(load_settings(ComparisonConfig, path), tmp_path / "out", cache)
    assert not (tmp_path / "out").exists()

"""Networks of timm: built, trained for a step, written, read and used for prediction."""

import numpy as np
import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.dummy_batch import check_network
from her2bench.models.head import head_of
from her2bench.models.registry import build_model, network, use_model
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, load_trained, save_trained

CPU = torch.device("cpu")
NAMES = (
    "resnet18",
    "resnet26d",
    "mobilenetv3_small_050",
    "efficientnet_b0",
    "tf_efficientnet_lite0",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "deit_tiny_patch16_224",
    "regnetx_002",
    "ghostnet_050",
    "edgenext_xx_small",
    "mobilevit_xxs",
    "densenet121",
)


@pytest.fixture(autouse=True)
def unchanged():
    """What a test registers is forgotten after it."""
    kept = (NETWORKS, registry._REGISTERED)
    before = [dict(each) for each in kept]
    yield
    for each, was in zip(kept, before, strict=True):
        each.clear()
        each.update(was)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_timm_network_from_its_name_to_predictions(name, tmp_path):
    assert use_model(f"timm:{name}") == name
    check_network(name, 64)
    torch.manual_seed(0)
    model = build_model(name, 64)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    tiles, targets = torch.rand(4, 3, 64, 64), torch.tensor([0.0, 1, 0, 1])
    before = head_of(model, name).weight.clone()
    nn.BCEWithLogitsLoss()(model(tiles).squeeze(1), targets).backward()
    optimiser.step()
    assert not torch.equal(head_of(model, name).weight, before)

    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    prepare = Normalization(*network(name).expects)
    about = ModelMetadata(name, 64, prepare, 0.0, "2+", source=f"timm:{name}")
    save_trained(model, about, run.weights)
    run.mark_done({})
    NETWORKS.pop(name), registry._REGISTERED.pop(name)  # another process
    loaded, found = load_trained(run, CPU)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    loader, rows = TileLoader(pixels, CPU), np.arange(3)
    logits = forward(loaded, loader, rows, found.preparation)
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(logits, forward(model, loader, rows, prepare))


def test_the_input_is_as_timm_says():
    use_model("timm:vit_tiny_patch16_224")
    assert network("vit_tiny_patch16_224").expects == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("timm:resnt18", "did you mean 'resnet18'"),
        ("timm:resnet18.a1", "did you mean 'resnet18.a"),
        ("timm:", "timm has no network ''"),
        ("timm:nothing_like_it", "list_models"),
    ],
)
def test_a_name_that_timm_does_not_know_is_refused(entry, message):
    with pytest.raises(UserError, match=message):
        use_model(f"mine={entry}")


def test_a_hub_out_of_reach_is_said(monkeypatch):
    from her2bench.models import timm_networks

    def offline(name):
        raise OSError("no route to host")

    monkeypatch.setattr("timm.models.load_model_config_from_hf", offline)
    with pytest.raises(UserError, match=r"timm:hf-hub:owner/net.*cannot be read from the hub"):
        timm_networks.timm_network("hf-hub:owner/net")


def test_a_hub_network_named_by_a_weights_file_is_not_read():
    assert registry.is_timms_own("timm:resnet18")
    assert not registry.is_timms_own("timm:hf-hub:owner/net")
    assert not registry.is_timms_own("nets.mine:Net")


def test_a_tile_too_small_for_a_network_is_named():
    use_model("timm:densenet121")
    with pytest.raises(UserError, match="fails on tiles of 8 px"):
        check_network("densenet121", 8)


def test_a_name_of_timm_without_its_prefix_is_recognised():
    with pytest.raises(UserError, match="networks of timm are written timm:resnet18"):
        use_model("resnet18")

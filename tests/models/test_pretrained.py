"""Pretrained weights: loaded whole, or refused with what does not fit."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.pretrained import load_weights, pretrained_model
from her2bench.models.registry import build_model, register_model


class Net(nn.Module):
    """A body with batch normalisation, and a head."""

    def __init__(self, classes=1, wide=4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, wide, 3), nn.BatchNorm2d(wide), nn.ReLU())
        self.fc = nn.Linear(wide, classes)

    def forward(self, tiles):
        return self.fc(self.body(tiles).mean((2, 3))).squeeze(1)


@pytest.fixture(autouse=True)
def net(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    monkeypatch.setitem(NETWORKS, "net", "net")
    register_model("net", Net)


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@pytest.mark.parametrize("classes", [1, 1000])
def test_all_but_a_head_of_other_classes_is_loaded(ending, classes, tmp_path):
    torch.manual_seed(1)
    source, path = Net(classes).state_dict(), tmp_path / f"w.{ending}"
    source["body.1.running_mean"] += 5
    if ending == "safetensors":
        save_file(source, path)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in source.items()}}, path)
    torch.manual_seed(2)
    fresh = build_model("net", 32).state_dict()
    torch.manual_seed(2)
    found = pretrained_model("net", 32, path).state_dict()
    for name, value in found.items():
        kept = fresh if name.startswith("fc") and classes > 1 else source
        assert torch.equal(value, kept[name]), name


def test_counters_of_batch_normalisation_may_be_left_out(tmp_path):
    source = {k: v for k, v in Net().state_dict().items() if "num_batches" not in k}
    save_file(source, tmp_path / "w.safetensors")
    load_weights(Net(), "net", tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("body.0.bias"), r"1 missing \(body.0.bias\)"),
        (lambda s: s.update(extra=torch.zeros(2)), r"1 unknown \(extra\)"),
        (lambda s: s.update({"body.0.bias": torch.zeros(7)}), r"body.0.bias \(7,\) instead of"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(change, message, tmp_path):
    source, model = Net().state_dict(), Net()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    change(source)
    save_file(source, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=message):
        load_weights(model, "net", tmp_path / "w.safetensors")
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (pickle.dumps(Evil()), "cannot be read"),
        (pickle.dumps({"a": 1}), "cannot be read"),
    ],
)
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_without_weights_is_refused_and_never_run(
    content, message, ending, tmp_path, capsys
):
    path = tmp_path / f"w.{ending}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        pretrained_model("net", 32, path)
    assert "run" not in capsys.readouterr().out


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.pth"):
        pretrained_model("net", 32, tmp_path / "gone.pth")


def test_a_network_without_a_hub_has_no_pretrained_weights():
    with pytest.raises(UserError, match="has no weights on a hub"):
        pretrained_model("lenet", 64, True)


def test_without_a_connection_the_file_to_fetch_is_named(monkeypatch):
    def offline(size, pretrained):
        raise OSError("no route to host")

    monkeypatch.setitem(
        registry._REGISTERED, "r", registry.Network("r", offline, source="timm:resnet18")
    )
    monkeypatch.setitem(NETWORKS, "r", "r")
    with pytest.raises(UserError, match=r"huggingface.co/timm/resnet18.*network.r.pretrained"):
        pretrained_model("r", 64, True)

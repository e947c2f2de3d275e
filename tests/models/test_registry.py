"""Networks from outside: registered, or named in a config as package.module:Class."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import NETWORKS
from her2bench.models.dummy_batch import check_network
from her2bench.models.registry import build_model, register_model, use_model


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr("her2bench.models.registry._REGISTERED", {})
    monkeypatch.setattr("her2bench.models.registry.import_module", _import_again)
    before = dict(NETWORKS)
    yield
    NETWORKS.clear()
    NETWORKS.update(before)


def _import_again(name):
    sys.modules.pop(name, None)
    return __import__(name, fromlist=["_"])


class Mean(nn.Module):
    """One weight times the mean of the tile."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, tiles):
        return self.weight * tiles.mean((1, 2, 3))


def test_names_are_known_without_torch():
    code = "import her2bench.models.registry as r, sys; print(r.OURS, 'torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "('lenet', 'alexnet', 'mini_hahnet', 'hahnet', 'dabnet') False"


def test_a_registered_class_is_built_with_the_size_if_it_takes_it():
    register_model("sized", lambda size: nn.Linear(size, 1))
    register_model("mean", Mean, label="Mean of the tile")
    assert build_model("sized", 70).in_features == 70
    assert isinstance(build_model("mean", 70), Mean)
    assert NETWORKS["mean"] == "Mean of the tile" and NETWORKS["sized"] == "sized"


@pytest.mark.parametrize(("entry", "name"), [("nets:Net", "Net"), ("mine=nets:Net", "mine")])
def test_a_class_named_in_a_config_is_found_in_the_current_folder(
    tmp_path, monkeypatch, entry, name
):
    (tmp_path / "nets.py").write_text("class Net: pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert use_model(entry) == name
    assert type(build_model(name, 64)).__name__ == "Net"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("lennet", "did you mean 'lenet'"),
        ("no_such_package:Net", "cannot be imported"),
        ("torch.nn:NoSuchClass", "cannot be imported"),
        ("math:pi", "is not a class"),
        ("lenet=torch.nn:Linear", "this one is taken"),
        ("dab_baseline=torch.nn:Linear", "this one is taken"),
        ("a/b=torch.nn:Linear", "without / and"),
    ],
)
def test_what_cannot_be_used_is_refused(entry, message):
    with pytest.raises(UserError, match=message):
        use_model(entry)


class Shaped(Mean):
    """Gives what `answer` makes of the logits."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, tiles):
        return self.answer(super().forward(tiles))


@pytest.mark.parametrize("answer", [lambda x: x, lambda x: x[:, None]])
def test_one_logit_per_tile_is_taken(answer):
    register_model("net", lambda: Shaped(answer))
    check_network("net", 64)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Shaped(lambda x: x.repeat(3)), r"shape \(6,\) for 2 tiles"),
        (lambda: Shaped(lambda x: x[:, None].repeat(1, 4)), r"shape \(2, 4\)"),
        (lambda: Shaped(lambda x: x.sum()), r"shape \(\)"),
        (lambda: Shaped(lambda x: x / 0), "NaN or infinity"),
        (lambda: Shaped(lambda x: (x, x)), "returns a tuple"),
        (lambda: nn.Linear(9, 1), "fails on tiles of 64 px"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: "a network", "not a torch module"),
        (lambda: nn.Flatten(), "not a torch module with weights"),
        (lambda one, two: Mean(), "TypeError"),
    ],
)
def test_other_outputs_and_failures_are_refused_before_training(build, message):
    register_model("net", build)
    with pytest.raises(UserError, match=message):
        check_network("net", 64)

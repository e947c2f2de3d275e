"""Arguments of a network's class: checked, given to it, and leaving the plain network as it is."""

from typing import Literal

import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import NETWORKS
from her2bench.models import registry
from her2bench.models.arguments import with_arguments
from her2bench.models.registry import build_model, named_network, register_model, use_model


@pytest.fixture(autouse=True)
def unchanged():
    """What a test registers is forgotten after it."""
    for name in registry.OURS:
        registry.network(name)  # a module registers its network once
    kept = (NETWORKS, registry._REGISTERED)
    before = [dict(each) for each in kept]
    yield
    for each, was in zip(kept, before, strict=True):
        each.clear()
        each.update(was)


def build(size, depth: int = 2, kind: Literal["a", "b"] = "a", rate: float = 0.5, other=None):
    return size, depth, kind, rate, other


def test_arguments_reach_the_class():
    bound = with_arguments(build, {"depth": 3, "kind": "b", "rate": 1, "other": "text"}, "mine")
    assert bound(size=64) == (64, 3, "b", 1, "text")
    assert with_arguments(build, {}, "mine") is build
    assert with_arguments(lambda **more: more, {"any": 1}, "mine")() == {"any": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dept": 3}, "unknown argument 'dept'.*did you mean 'depth'"),
        ({"size": 32}, "unknown argument 'size'"),
        ({"depth": "3"}, r"network\.mine\.arguments\.depth.*'3'.*valid integer"),
        ({"depth": True}, "valid integer"),
        ({"kind": "c"}, "'c'.*Input should be 'a' or 'b'"),
    ],
)
def test_what_the_class_does_not_take_is_refused(arguments, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        with_arguments(build, arguments, "mine")


def test_a_network_of_timm_takes_none():
    with pytest.raises(UserError, match="it takes none"):
        named_network("a=timm:resnet18", {"checkpoint_path": "weights.pth"})


def test_one_network_under_several_names():
    assert use_model("rgb=dabnet", {"front_end": "rgb"}) == "rgb"
    assert use_model("plain=dabnet") == "plain"
    with torch.device("meta"):
        assert isinstance(build_model("rgb", 64).stains, nn.Identity)
        assert "unmix" in dict(build_model("plain", 64).stains.named_parameters())
        assert "unmix" in dict(build_model("dabnet", 64).stains.named_parameters())
    known = registry.network("rgb")
    assert known.ours and known.source == "dabnet" and known.smallest == 32
    assert known.expects == registry.network("dabnet").expects
    use_model("rgb=dabnet", {"front_end": "fixed"})  # the name now stands for another
    with torch.device("meta"):
        assert "unmix" in dict(build_model("rgb", 64).stains.named_buffers())


def test_a_registered_network_can_have_other_names_too():
    register_model("mine", lambda size, wide=1: nn.Linear(size, wide))
    use_model("wide=mine", {"wide": 3})
    assert build_model("wide", 7).out_features == 3 and build_model("mine", 7).out_features == 1


@pytest.mark.parametrize(
    ("entry", "arguments", "message"),
    [
        ("rgb=dapnet", {}, "unknown model 'dapnet'.*did you mean 'dabnet'"),
        ("lenet=dabnet", {}, "this one is taken"),
        ("dabnet", {"front_end": "rgb"}, "this one is taken"),
        ("dabnet=dabnet", {"front_end": "rgb"}, "this one is taken"),
        ("plain=lenet", {"front_end": "rgb"}, "it takes none"),
    ],
)
def test_what_cannot_be_named_is_refused(entry, arguments, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        use_model(entry, arguments)


VARIANTS = [
    *(("dabnet", "front_end", value) for value in ("learned", "fixed", "density", "rgb")),
    *(("dabnet", "where", value) for value in ("learned", "everywhere")),
    *(("dabnet", "measured", value) for value in ("shares", "mean")),
    *(("hahnet", "attention", value) for value in ("both", "channel", "spatial", "none")),
    *(("hahnet", part, False) for part in ("scales", "shortcut")),
]


@pytest.mark.parametrize(("name", "key", "value"), VARIANTS)
def test_every_variant_gives_a_logit_and_learns_with_all_its_weights(name, key, value):
    torch.manual_seed(0)
    model = named_network(f"variant={name}", {key: value}).fresh(64)
    logits = model(torch.rand(3, 3, 64, 64))
    assert logits.shape == (3,) and logits.isfinite().all()
    logits.square().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_variants_differ_from_the_whole_network_in_their_part_alone():
    def weights(name, **arguments):
        with torch.device("meta"):
            model = named_network(f"variant={name}", arguments).fresh(64)
        return sum(p.numel() for p in model.parameters())

    assert weights("dabnet") - weights("dabnet", front_end="fixed") == 9
    assert weights("dabnet", front_end="rgb") == weights("dabnet", front_end="density")
    assert weights("dabnet", where="everywhere") < weights("dabnet", measured="mean")
    assert weights("hahnet", scales=False) > weights("hahnet") > weights("hahnet", shortcut=False)
    assert weights("hahnet", attention="none") < weights("hahnet", attention="spatial")

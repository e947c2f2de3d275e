"""The optimiser: which weights decay, which learn more slowly, and the rate at each step."""

import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.training.network_options import FULL, NetworkOptions
from her2bench.training.optimiser import optimiser_for, set_rate
from her2bench.training.recipe import Recipe

RATE = 0.1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, 1)


def shares(options, recipe=None):
    """Each weight's learning rate and decay."""
    model = Net()
    optimiser = optimiser_for(model, "net", recipe or Recipe(), options, RATE)
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        names[id(p)]: (round(group["lr"], 6), group["weight_decay"])
        for group in optimiser.param_groups
        for p in group["params"]
    }


def test_scales_and_biases_do_not_decay():
    found = shares(FULL, Recipe(optimiser="adamw", weight_decay=0.05))
    assert {name for name, (_, decay) in found.items() if decay} == {
        "stem.weight",
        "layer1.0.weight",
        "fc.weight",
    }


def test_the_backbone_learns_more_slowly():
    found = shares(NetworkOptions(pretrained=True, backbone_rate=0.1))
    assert {name: rate for name, (rate, _) in found.items() if rate == RATE}.keys() == {
        "fc.weight",
        "fc.bias",
    }
    assert found["stem.weight"][0] == pytest.approx(0.01)


def test_each_layer_learns_more_slowly_than_the_next():
    found = shares(NetworkOptions(pretrained=True, layer_decay=0.5))
    assert found["fc.weight"][0] == RATE
    assert found["layer1.1.weight"][0] == pytest.approx(RATE / 2)  # a block of its own
    assert found["layer1.0.weight"][0] == pytest.approx(RATE / 4)
    assert found["stem.weight"][0] == pytest.approx(RATE / 8)


def test_thresholds_of_scores_learn_as_the_head_and_the_network_as_before():
    slow, model = NetworkOptions(pretrained=True, layer_decay=0.5), OrdinalNetwork(Net())
    optimiser = optimiser_for(model, "net", Recipe(weight_decay=0.1), slow, RATE)
    names = {id(p): name for name, p in model.named_parameters()}
    found = {
        names[id(p)]: (round(group["lr"], 6), group["weight_decay"])
        for group in optimiser.param_groups
        for p in group["params"]
    }
    assert found.pop("middle") == found.pop("gaps") == (RATE, 0.0)
    plain = shares(slow, Recipe(weight_decay=0.1))
    assert found == {f"network.{name}": value for name, value in plain.items()}


def test_a_network_without_a_linear_head_has_no_backbone():
    model = nn.Sequential(nn.Conv2d(3, 1, 3))
    slow = NetworkOptions(pretrained=True, backbone_rate=0.5)
    with pytest.raises(UserError, match=r"network\.mine.*nn\.Linear"):
        optimiser_for(model, "mine", Recipe(), slow, RATE)


@pytest.mark.parametrize(
    ("kind", "expected"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")]
)
def test_one_step_is_that_of_plain_pytorch(kind, expected):
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 1), nn.Linear(3, 1)
    theirs.load_state_dict(ours.state_dict())
    recipe = Recipe(optimiser=kind, weight_decay=0.1, epochs=4, schedule="cosine", warmup=1)
    mine = optimiser_for(ours, "net", recipe, FULL, RATE)
    assert type(mine).__name__ == expected
    more = {"momentum": 0.9, "nesterov": True} if kind == "sgd" else {}
    groups = [
        {"params": [theirs.weight], "weight_decay": 0.1},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    plain = getattr(torch.optim, expected)(groups, lr=RATE, **more)
    for step in range(8):  # of 4 epochs of 2 steps
        for group in plain.param_groups:
            group["lr"] = RATE * (step + 1) / 2 if step < 2 else cosine(step)
        set_rate(mine, RATE, recipe, step, 8)
        for model, optimiser in ((ours, mine), (theirs, plain)):
            optimiser.zero_grad()
            model(torch.ones(2, 3)).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def cosine(step):
    """PyTorch's own schedule, 6 steps long, after 2 of warm-up."""
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 6)
    for _ in range(step - 2):
        optimiser.step()
        schedule.step()
    return schedule.get_last_lr()[0]

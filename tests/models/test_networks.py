"""The three networks of the study against plain Sequentials written from its description."""

import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import NETWORKS
from her2bench.models.registry import build_model

PARAMETERS = {"lenet": 9_966_521, "alexnet": 86_368_065, "mini_hahnet": 359_043_081}


class Branches(nn.Module):
    """Branches side by side, their outputs concatenated along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * 72 * 72, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 1),
    )


def alexnet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Dropout(0.5), nn.Linear(256 * 8 * 8, 4096), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1)),
    )


def mini_hahnet() -> nn.Sequential:
    inception = Branches(
        nn.Conv2d(3, 32, 1),
        nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 48, 3, padding=1)),
        nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, 24, 5, padding=2)),
        nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(3, 16, 1)),
    )
    return nn.Sequential(
        inception,
        *(nn.Conv2d(120, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Dropout(0.5), nn.Linear(128 * 74 * 74, 512), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(512, 1)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_same_logits_as_the_description_and_the_published_parameter_count(name):
    torch.manual_seed(0)
    ours = build_model(name, 299).eval()
    with torch.device("meta"):
        reference = {"lenet": lenet, "alexnet": alexnet, "mini_hahnet": mini_hahnet}[name]().eval()
    # Shared, not copied: mini-HAHNet's weights take 1.4 GB.
    values = list(ours.state_dict().values())
    state = dict(zip(reference.state_dict(), values, strict=True))
    reference.load_state_dict(state, assign=True)
    tiles = torch.rand(2, 3, 299, 299)
    with torch.inference_mode():
        difference = (ours(tiles) - reference(tiles).squeeze(1)).abs().max()
    assert difference <= 1e-5
    assert sum(p.numel() for p in ours.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [64, 65, 96, 127])
def test_every_model_takes_any_size_from_the_smallest_up(name, size):
    with torch.device("meta"):
        logits = build_model(name, size)(torch.rand(2, 3, size, size))
    assert logits.shape == (2,)


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'lenet'"):
        build_model("lennet", 96)


def test_a_size_too_small_says_the_smallest():
    with pytest.raises(UserError, match=f"at least {64} px"):
        build_model("alexnet", 64 - 1)


@pytest.mark.parametrize(("name", "parameters"), [("hahnet", 1_017_061), ("dabnet", 18_894)])
def test_our_networks_have_the_weights_that_they_say_at_any_size(name, parameters):
    with torch.device("meta"):
        found = {sum(p.numel() for p in build_model(name, size).parameters()) for size in (64, 299)}
    assert found == {parameters}

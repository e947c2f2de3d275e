"""The thresholds of the four scores on a network of one logit."""

import numpy as np
import pytest
import torch
from torch import nn

from her2bench.models.ordinal import OrdinalNetwork, cumulative, cut_logits
from her2bench.models.registry import OURS, build_model

TILES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
LIGHT = [name for name in OURS if name not in ("alexnet", "mini_hahnet")]


class Brightness(nn.Module):
    """One logit per tile, as (b, 1)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(4.0))

    def forward(self, tiles):
        return self.weight * tiles.mean((1, 2, 3))[:, None]


def test_the_output_is_the_distance_above_the_threshold_of_2_and_the_cuts_are_ordered():
    model = OrdinalNetwork(Brightness(), (-2.0, 0.5, 4.0))
    place = 4 * TILES.mean((1, 2, 3))
    torch.testing.assert_close(model(TILES), place - 0.5)
    expected = place[:, None] - torch.tensor([-2.0, 0.5, 4.0])
    torch.testing.assert_close(cumulative(model, model(TILES)), expected)
    said = model(TILES).detach().double().numpy()
    np.testing.assert_allclose(cut_logits(model, said), expected.detach().numpy(), rtol=1e-5)


def test_thresholds_stay_in_order_whatever_the_parameters():
    model = OrdinalNetwork(Brightness())
    for value in (-50.0, 0.0, 50.0):
        nn.init.constant_(model.gaps, value)
        cuts = cumulative(model, torch.zeros(1))[0]
        assert (cuts.diff() <= 0).all() and cuts[1] == 0
    model.set_thresholds((1.0, 1.0, 2.0))  # no tile has score 1+: no logarithm of 0
    assert cumulative(model, torch.zeros(1))[0].tolist() == pytest.approx([0, 0, -1], abs=1e-5)


def test_a_binary_network_stays_as_it_is():
    logits = torch.zeros(2)
    assert cumulative(Brightness(), logits) is logits


@pytest.mark.parametrize("name", LIGHT)
def test_every_network_takes_the_thresholds_and_learns_them(name):
    torch.manual_seed(0)
    model = OrdinalNetwork(build_model(name, 64))
    model.train()
    cumulative(model, model(TILES)).square().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())
    assert model.gaps.grad.abs().min() > 0 and model.middle.grad.abs().min() > 0
    network = build_model(name, 64)
    network.load_state_dict(model.network.state_dict())
    torch.testing.assert_close(model.eval()(TILES), network.eval()(TILES) - model.middle)


def test_a_network_with_another_number_of_outputs_gives_no_scores():
    with pytest.raises(RuntimeError):
        OrdinalNetwork(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4)))(TILES)

"""The four scores from any network of one logit: three ordered thresholds on its output.

McCullagh 1980, "Regression models for ordinal data", J R Stat Soc B 42:109 (cumulative logits with
proportional odds). The network places a tile on one axis; the log-odds of score c or more are the
tile's distance above the c-th threshold. The thresholds are ordered by construction, so that for
every tile P(1+ or more) ≥ P(2+ or more) ≥ P(3+).

    tile → the network, unchanged → place on the axis − threshold of 2+ → logit of 2+ or more

The output is the logit of 2+ or more, so that whatever takes a network of one logit takes this one.
The other two cuts lie at constant distances from it.
"""

from collections.abc import Sequence
from math import expm1, log
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

_LEAST_GAP = 1e-6  # between thresholds, where a score is missing


class OrdinalNetwork(nn.Module):
    """Tile (b, 3, size, size) → logit of 2+ or more (b,); three parameters more than the network.

    Args:
        network: tiles to one logit each.
        thresholds: of 1+, 2+ and 3+ to begin with.
    """

    def __init__(self, network: nn.Module, thresholds: Sequence[float] = (-1.0, 0.0, 1.0)) -> None:
        super().__init__()
        self.network = network
        self.middle = nn.Parameter(torch.empty(1))
        self.gaps = nn.Parameter(torch.empty(2))  # softplus makes them the distances
        self.set_thresholds(thresholds)

    def forward(self, tiles: Tensor) -> Tensor:
        return self.network(tiles).reshape(tiles.shape[0]) - self.middle

    @torch.no_grad()
    def set_thresholds(self, thresholds: Sequence[float]) -> None:
        """Put the thresholds of 1+, 2+ and 3+ at these places, which rise."""
        low, middle, high = thresholds
        gaps = (max(gap, _LEAST_GAP) for gap in (middle - low, high - middle))
        self.middle.fill_(middle)
        self.gaps.copy_(torch.tensor([log(expm1(gap)) for gap in gaps]))

    @property
    def cut_distances(self) -> Tensor:
        """(3,): what the logits of the cuts 1+, 2+ and 3+ are above the output."""
        below, above = softplus(self.gaps)
        return torch.stack([below, torch.zeros_like(below), -above])


def cumulative(model: nn.Module, logits: Tensor) -> Tensor:
    """Outputs (b,) of a network to the logits of the cuts (b, 3); of a binary network as they are.

    >>> cumulative(OrdinalNetwork(nn.Identity()), torch.zeros(1)).sigmoid().round(decimals=2)
    tensor([[0.7300, 0.5000, 0.2700]], grad_fn=<RoundBackward1>)
    """
    distances = getattr(model, "cut_distances", None)
    return logits if distances is None else logits[:, None] + distances


def cut_logits(model: nn.Module, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stored outputs (n,) of an ordinal network to the logits of the cuts (n, 3), in float64."""
    with torch.inference_mode():
        return logits[:, None] + cast(OrdinalNetwork, model).cut_distances.double().cpu().numpy()

"""The exponential moving average of a network's weights, which is validated and kept.

Polyak and Juditsky 1992, SIAM J Control Optim 30:838. In the first steps the average forgets
faster, so that it does not keep the initial weights.
"""

import copy

import torch
from torch import nn


class WeightAverage:
    """The average of the weights of a network in training.

    Attributes:
        model: a copy of the network that holds the average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = copy.deepcopy(model).requires_grad_(False), decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        new = 1 - min(self.decay, (1 + step) / (10 + step))
        for kept, value in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if kept.is_floating_point():
                kept.lerp_(value.to(kept.dtype), new)
            else:  # a counter
                kept.copy_(value)

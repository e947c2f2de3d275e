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
        self._trained = model

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        new = 1 - min(self.decay, (1 + step) / (10 + step))
        both = (each.state_dict().values() for each in (self.model, self._trained))
        for kept, value in zip(*both, strict=True):
            if kept.is_floating_point():
                kept.lerp_(value.to(kept.dtype), new)
            else:  # a counter
                kept.copy_(value)

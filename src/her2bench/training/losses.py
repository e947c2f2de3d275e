"""The loss of each tile."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from her2bench.training.recipe import LossName

FOCUS = 2.0  # the exponent of the focal loss


class TileLoss(nn.Module):
    """Logits (b,) and targets (b,) in [0, 1] → losses (b,).

    Args:
        name: "cross-entropy"; "focal", which weighs down tiles that are already right (Lin et al.
            2017, "Focal loss for dense object detection"); "logit-adjusted", which adds the
            log-odds of a positive tile in training (Menon et al. 2021, "Long-tail learning via
            logit adjustment").
        positive_weight: the factor of positive tiles.
        positives: the share of positive tiles in training.
    """

    def __init__(self, name: LossName, positive_weight: Tensor, positives: float) -> None:
        super().__init__()
        self.focus = FOCUS if name == "focal" else 0.0
        self.shift = math.log(positives / (1 - positives)) if name == "logit-adjusted" else 0.0
        self.weight = positive_weight

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        logits = logits + self.shift if self.shift else logits
        losses = binary_cross_entropy_with_logits(
            logits, targets, pos_weight=self.weight, reduction="none"
        )
        if not self.focus:
            return losses
        right = torch.where(targets >= 0.5, logits, -logits).sigmoid()
        return (1 - right) ** self.focus * losses


def smoothed(targets: Tensor, amount: float) -> Tensor:
    """Targets moved towards one half (label smoothing).

    >>> smoothed(torch.tensor([0.0, 1.0]), 0.1).tolist()
    [0.05000000074505806, 0.949999988079071]
    """
    return targets * (1 - amount) + amount / 2 if amount else targets

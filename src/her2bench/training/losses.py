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
        self.shift: float | Tensor = 0.0
        if name == "logit-adjusted":
            self.shift = math.log(positives / (1 - positives))
        self.weight = positive_weight

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if isinstance(self.shift, Tensor) or self.shift:
            logits = logits + self.shift
        losses = binary_cross_entropy_with_logits(
            logits, targets, pos_weight=self.weight, reduction="none"
        )
        if not self.focus:
            return losses
        right = torch.where(targets >= 0.5, logits, -logits).sigmoid()
        return (1 - right) ** self.focus * losses


class CutLoss(TileLoss):
    """Logits of the three cuts (b, 3) and whether each is reached (b, 3), in [0, 1] → losses (b,).

    The sum over the cuts of the binary loss (Cao, Mirjalili, Raschka 2020, "Rank consistent ordinal
    regression for neural networks"): a proper score that, as the ranked probability score does,
    counts how far a probability lies from the tile's score. The part of the cut 2+ is the loss of
    a binary network.

    Args:
        name: as above; "focal" and "logit-adjusted" act on each cut.
        score_weights: (4,), the factor of the tiles of each score.
        shares: (3,), P(1+ or more), P(2+ or more), P(3+) in training.
    """

    def __init__(self, name: LossName, score_weights: Tensor, shares: Tensor) -> None:
        super().__init__(name, torch.ones_like(score_weights[0]), 0.5)
        if name == "logit-adjusted":
            self.shift = shares.logit()
        self.score_weights = score_weights

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        score = (targets >= 0.5).sum(1)
        return self.score_weights[score] * super().forward(logits, targets).sum(1)


def smoothed(targets: Tensor, amount: float) -> Tensor:
    """Targets moved towards one half (label smoothing).

    >>> smoothed(torch.tensor([0.0, 1.0]), 0.1).tolist()
    [0.05000000074505806, 0.949999988079071]
    """
    return targets * (1 - amount) + amount / 2 if amount else targets

"""The losses, against formulas written out by hand."""

import math

import pytest
import torch

from her2bench.training.losses import TileLoss, smoothed

LOGITS = torch.tensor([-2.0, -0.5, 0.0, 1.5, 3.0])
TARGETS = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])
WEIGHT = torch.tensor(1.7)


def by_hand(logits, targets, factor):
    losses = []
    for z, y in zip(logits.tolist(), targets.tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        right = p if y == 1 else 1 - p
        weight = 1.7 if y == 1 else 1.0
        losses.append(-weight * factor(right) * math.log(right))
    return losses


@pytest.mark.parametrize(
    ("name", "factor", "shift"),
    [
        ("cross-entropy", lambda right: 1.0, 0.0),
        ("focal", lambda right: (1 - right) ** 2, 0.0),
        ("logit-adjusted", lambda right: 1.0, math.log(0.2 / 0.8)),
    ],
)
def test_the_losses(name, factor, shift):
    found = TileLoss(name, WEIGHT, positives=0.2)(LOGITS, TARGETS)
    assert found.tolist() == pytest.approx(by_hand(LOGITS + shift, TARGETS, factor), rel=1e-5)


def test_smoothing_moves_the_targets_only():
    assert smoothed(TARGETS, 0.0) is TARGETS
    assert smoothed(TARGETS, 0.2).tolist() == pytest.approx([0.1, 0.9, 0.9, 0.1, 0.9])

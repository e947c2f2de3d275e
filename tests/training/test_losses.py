"""The losses, against formulas written out by hand."""

import math

import pytest
import torch

from her2bench.training.losses import CutLoss, TileLoss, smoothed

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


CUTS = torch.tensor([[2.0, 0.5, -1.0], [0.3, -0.2, -2.0], [4.0, 3.0, 2.5], [1.0, 0.0, -3.0]])
SCORES = (1, 0, 3, 2)
REACHED = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 0]])
WEIGHTS = torch.tensor([2.0, 1.0, 0.5, 3.0])
SHARES = torch.tensor([0.8, 0.6, 0.1])


@pytest.mark.parametrize("name", ["cross-entropy", "focal", "logit-adjusted"])
def test_the_loss_of_scores_is_the_sum_over_the_cuts(name):
    expected = []
    for row, score in zip(CUTS.tolist(), SCORES, strict=True):
        total = 0.0
        for cut, (z, share) in enumerate(zip(row, SHARES.tolist(), strict=True), 1):
            if name == "logit-adjusted":
                z += math.log(share / (1 - share))
            p = 1 / (1 + math.exp(-z))
            right = p if score >= cut else 1 - p
            total -= ((1 - right) ** 2 if name == "focal" else 1.0) * math.log(right)
        expected.append(WEIGHTS[score].item() * total)
    found = CutLoss(name, WEIGHTS, SHARES)(CUTS, REACHED)
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_scores_is_that_of_coral():
    coral_loss = pytest.importorskip("coral_pytorch.losses").coral_loss
    theirs = coral_loss(CUTS, REACHED, reduction=None)
    ours = CutLoss("cross-entropy", torch.ones(4), SHARES)(CUTS, REACHED)
    torch.testing.assert_close(ours, theirs)


def test_its_part_of_the_cut_2_is_the_binary_loss():
    far = CUTS.clone()
    far[:, 0], far[:, 2] = 50.0, -50.0
    reached = torch.tensor([[1.0, 0, 0], [1, 1, 0]])
    binary = TileLoss("cross-entropy", torch.tensor(1.0), 0.5)(far[:2, 1], reached[:, 1])
    torch.testing.assert_close(
        CutLoss("cross-entropy", torch.ones(4), SHARES)(far[:2], reached), binary
    )


def test_smoothed_scores_keep_their_weight():
    found = CutLoss("cross-entropy", WEIGHTS, SHARES)(CUTS, smoothed(REACHED, 0.2))
    even = CutLoss("cross-entropy", torch.ones(4), SHARES)(CUTS, smoothed(REACHED, 0.2))
    torch.testing.assert_close(found, WEIGHTS[list(SCORES)] * even)

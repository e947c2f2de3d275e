"""The training loop, through Lightning Fabric: it fits a screen and hides nothing."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from her2bench.core.errors import UserError
from her2bench.prediction.forward import forward
from her2bench.prediction.preparation import Preparation
from her2bench.training.augmentation import augment
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.recipe import Recipe

Epoch = dict[str, float]  # one row of metrics.csv


@dataclass(frozen=True)
class Side:
    """The tiles of one side of a split.

    `pixels` (n, size, size, 3) uint8 holds all tiles; `rows` (m,) says which are meant;
    `targets` (m,) are 0 or 1.
    """

    pixels: np.ndarray
    rows: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Fit:
    """What training came to: a row an epoch, and which epoch's weights the model now holds."""

    epochs: list[Epoch]
    epoch: int

    @property
    def validation_loss(self) -> float:
        return self.epochs[self.epoch]["val_loss"]


@dataclass(frozen=True)
class Plan:
    """All that decides a training besides the tiles and the fresh network."""

    recipe: Recipe
    learning_rate: float
    positive_weight: float
    prepare: Preparation
    seed: tuple[int, ...]


def fit(
    fabric: Fabric,
    model: nn.Module,
    train: Side,
    validation: Side,
    plan: Plan,
    checkpoint: Checkpoint,
    on_epoch: Callable[[Epoch], None],
) -> Fit:
    """Train a network; afterwards it holds the weights that the recipe keeps.

    Everything random in an epoch comes from (seed, epoch), so a run that was stopped goes on
    from its checkpoint with the same result as if it had never been stopped.

    Args:
        fabric: device and precision.
        model: fresh weights, on the device already.
        train: the tiles to learn from.
        validation: the tiles that choose the epoch, where the recipe says so.
        plan: recipe, learning rate, weight of positives, normalisation and seed.
        checkpoint: where the run in progress is kept.
        on_epoch: told of each epoch, also of those trained before a stop.
    """
    recipe = plan.recipe
    fused = fabric.device.type in ("cpu", "cuda")
    optimiser = torch.optim.Adam(model.parameters(), lr=plan.learning_rate, fused=fused)
    progress = checkpoint.load(model, optimiser) or {"epochs": [], "best_epoch": -1}
    wrapped, stepper = fabric.setup(model, optimiser)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(plan.positive_weight, device=fabric.device))
    epochs: list[Epoch] = progress["epochs"]
    for row in epochs:  # those trained before the run was stopped
        on_epoch(row)
    for number in range(len(epochs), recipe.epochs):
        row = {"epoch": number, "learning_rate": plan.learning_rate}
        row |= _train_epoch(fabric, wrapped, stepper, loss, train, plan, number)
        row |= _measures(
            "val", forward_loss(wrapped, validation, loss, plan.prepare, fabric.device)
        )
        _refuse_divergence(row, plan)
        epochs.append(row)
        progress["best_epoch"] = _kept_epoch(epochs, recipe)
        if progress["best_epoch"] == number and recipe.keep != "last":
            checkpoint.save_best(model, number)
        checkpoint.save(model, optimiser, progress, last=number + 1 == recipe.epochs)
        on_epoch(row)
    if recipe.keep != "last":
        checkpoint.load_best(model, progress["best_epoch"])
    return Fit(epochs, progress["best_epoch"])


def forward_loss(
    model: nn.Module, tiles: Side, loss: nn.Module, prepare: Preparation, device: torch.device
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean loss over some tiles in evaluation mode, their logits and their targets."""
    logits = forward(model, tiles.pixels, tiles.rows, prepare, device)
    on_device = [torch.from_numpy(a.astype(np.float32)).to(device) for a in (logits, tiles.targets)]
    return float(loss(*on_device)), logits, tiles.targets


def _train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimiser: Any,
    loss: nn.Module,
    tiles: Side,
    plan: Plan,
    number: int,
) -> Epoch:
    start = time.perf_counter()
    order, generator = _seeded((*plan.seed, number), len(tiles.rows))
    sums, logits = torch.zeros((), device=fabric.device), list[Tensor]()
    model.train()
    for batch in np.split(order, range(plan.recipe.batch, len(order), plan.recipe.batch)):
        inputs = plan.prepare(tiles.pixels[tiles.rows[batch]], fabric.device)
        targets = torch.from_numpy(tiles.targets[batch].astype(np.float32)).to(fabric.device)
        output = model(augment(inputs, plan.recipe.augment, generator))
        value = loss(output, targets)
        optimiser.zero_grad()
        fabric.backward(value)
        optimiser.step()
        sums += value.detach() * len(batch)  # weighted, so that the last, smaller batch is fair
        logits.append(output.detach().float())
    found = torch.cat(logits).cpu().double().numpy()
    seconds = time.perf_counter() - start
    measures = _measures("train", (float(sums) / len(order), found, tiles.targets[order]))
    return {"seconds": seconds, "tiles_per_second": len(order) / seconds, **measures}


def _seeded(seed: tuple[int, ...], n: int) -> tuple[np.ndarray, torch.Generator]:
    """The order of an epoch's tiles and a generator for its augmentation; dropout is seeded too."""
    shuffle, dropout, augmentation = np.random.SeedSequence(seed).spawn(3)
    torch.manual_seed(int(dropout.generate_state(1)[0]))
    generator = torch.Generator().manual_seed(int(augmentation.generate_state(1)[0]))
    return np.random.default_rng(shuffle).permutation(n), generator


def _measures(split: str, found: tuple[float, np.ndarray, np.ndarray]) -> Epoch:
    loss, logits, targets = found
    return {
        f"{split}_loss": loss,
        f"{split}_accuracy": float(np.mean((logits > 0) == targets)),
        f"{split}_roc_auc": _roc_auc(targets, logits),
    }


def _roc_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(roc_auc_score(targets, logits)) if np.isfinite(logits).all() else float("nan")


def _refuse_divergence(row: Epoch, plan: Plan) -> None:
    if not all(math.isfinite(value) for value in row.values()):
        raise UserError(
            "recipe.learning_rates",
            found=f"training diverged: the loss is no longer a number in epoch "
            f"{row['epoch'] + 1:.0f} with learning rate {plan.learning_rate:g}",
            cure="leave this learning rate out, or lower it",
        )


def _kept_epoch(epochs: list[Epoch], recipe: Recipe) -> int:
    if recipe.keep == "last":
        return len(epochs) - 1
    return int(np.argmin([row["val_loss"] for row in epochs]))

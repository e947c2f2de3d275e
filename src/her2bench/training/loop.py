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
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.feeding import Feed
from her2bench.prediction.forward import forward
from her2bench.prediction.preparation import Preparation
from her2bench.training.augmentation import augment
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.order import epoch_order
from her2bench.training.recipe import Recipe

Epoch = dict[str, float]  # one row of metrics.csv


@dataclass(frozen=True)
class Side:
    """The tiles of one side of a split.

    `tiles` holds all tiles; `rows` (m,) says which are meant; `targets` (m,) are 0 or 1.
    """

    tiles: Feed
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
    """All that decides a training besides the tiles and the fresh network.

    `compute` decides its speed, and its results only by rounding.
    """

    recipe: Recipe
    learning_rate: float
    positive_weight: float
    prepare: Preparation
    seed: tuple[int, ...]
    compute: Compute = PLAIN


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
    plan.compute.set_on(model)
    optimiser = adam(model, plan.learning_rate, fabric.device)
    progress = checkpoint.load(model, optimiser) or {"epochs": [], "best_epoch": -1}
    wrapped, stepper = fabric.setup(model, optimiser)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(plan.positive_weight, device=fabric.device))
    epochs: list[Epoch] = progress["epochs"]
    for row in epochs:  # those trained before the run was stopped
        on_epoch(row)
    for number in range(len(epochs), recipe.epochs):
        row = {"epoch": number, "learning_rate": plan.learning_rate}
        row |= _train_epoch(fabric, wrapped, stepper, loss, train, plan, number)
        row |= measures("val", forward_loss(wrapped, validation, loss, plan))
        refuse_divergence(row, plan.learning_rate)
        epochs.append(row)
        progress["best_epoch"] = kept_epoch(epochs, recipe)
        if progress["best_epoch"] == number and recipe.keep != "last":
            checkpoint.hold_best(model)
        if number + 1 < recipe.epochs:
            checkpoint.save(model, optimiser, progress)
        on_epoch(row)
    if recipe.keep != "last":
        checkpoint.load_best(model, progress["best_epoch"])
    return Fit(epochs, progress["best_epoch"])


def adam(model: nn.Module, learning_rate: float, device: torch.device) -> torch.optim.Adam:
    """The study's optimiser, in one pass over the weights where the device can."""
    fused = device.type in ("cpu", "cuda")
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=fused)


def forward_loss(
    model: nn.Module, side: Side, loss: nn.Module, plan: Plan
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean loss over some tiles in evaluation mode, their logits and their targets."""
    logits = forward(model, side.tiles, side.rows, plan.prepare, plan.compute)
    device = side.tiles.device
    on_device = [torch.from_numpy(a.astype(np.float32)).to(device) for a in (logits, side.targets)]
    return float(loss(*on_device)), logits, side.targets


def _train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimiser: Any,
    loss: nn.Module,
    side: Side,
    plan: Plan,
    number: int,
) -> Epoch:
    start = time.perf_counter()
    order, generator = seeded_order((*plan.seed, number), side)
    sums, logits = torch.zeros((), device=fabric.device), list[Tensor]()
    targets = torch.from_numpy(side.targets[order].astype(np.float32)).to(fabric.device)
    parts = np.split(side.rows[order], range(plan.recipe.batch, len(order), plan.recipe.batch))
    model.train()
    # Nothing in the loop waits for a GPU: losses and logits stay there until the epoch's end.
    for tiles, aims in zip(
        side.tiles.batches(parts), targets.split(plan.recipe.batch), strict=True
    ):
        inputs = augment(plan.prepare(tiles), plan.recipe.augment, generator)
        output = model(plan.compute.laid_out(inputs))
        value = loss(output, aims)
        optimiser.zero_grad()
        fabric.backward(value)
        optimiser.step()
        sums += value.detach() * len(aims)  # weighted, so that the last, smaller batch is fair
        logits.append(output.detach().float())
    found = torch.cat(logits).cpu().double().numpy()
    seconds = time.perf_counter() - start
    row = measures("train", (float(sums) / len(order), found, side.targets[order]))
    return {"seconds": seconds, "tiles_per_second": len(order) / seconds, **row}


def seeded_order(seed: tuple[int, ...], side: Side) -> tuple[np.ndarray, torch.Generator]:
    """The order of an epoch's tiles and a generator for its augmentation; dropout is seeded too."""
    shuffle, dropout, augmentation = np.random.SeedSequence(seed).spawn(3)
    torch.manual_seed(int(dropout.generate_state(1)[0]))
    generator = torch.Generator().manual_seed(int(augmentation.generate_state(1)[0]))
    tile_bytes = int(np.prod(side.tiles.pixels.shape[1:]))
    return epoch_order(side.rows, tile_bytes, np.random.default_rng(shuffle)), generator


def measures(split: str, found: tuple[float, np.ndarray, np.ndarray]) -> Epoch:
    """What metrics.csv says of one side: (loss, logits (n,), targets (n,))."""
    loss, logits, targets = found
    return {
        f"{split}_loss": loss,
        f"{split}_accuracy": float(np.mean((logits > 0) == targets)),
        f"{split}_roc_auc": _roc_auc(targets, logits),
    }


def _roc_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(roc_auc_score(targets, logits)) if np.isfinite(logits).all() else float("nan")


def refuse_divergence(row: Epoch, learning_rate: float) -> None:
    """Raise a UserError where an epoch's numbers are no numbers any more."""
    if not all(math.isfinite(value) for value in row.values()):
        raise UserError(
            "recipe.learning_rates",
            found=f"training diverged: the loss is no longer a number in epoch "
            f"{row['epoch'] + 1:.0f} with learning rate {learning_rate:g}",
            cure="leave this learning rate out, or lower it",
        )


def kept_epoch(epochs: list[Epoch], recipe: Recipe) -> int:
    """The epoch whose weights the recipe keeps, of those so far."""
    if recipe.keep == "last":
        return len(epochs) - 1
    return int(np.argmin([row["val_loss"] for row in epochs]))

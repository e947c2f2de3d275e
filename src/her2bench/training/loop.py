"""The training loop, with Lightning Fabric."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.augmentation import augment
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epoch_order import epoch_order
from her2bench.training.epochs import Epoch, kept_epoch, measures, refuse_divergence
from her2bench.training.recipe import Recipe


@dataclass(frozen=True)
class Side:
    """The tiles of one split.

    `tiles` contains all tiles; `rows` (m,) are the indices of the split; `targets` (m,) are 0 or 1.
    """

    tiles: TileLoader
    rows: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Fit:
    """Training summary: one row per epoch, and the epoch whose weights the model now has.

    `memory` and `device_memory` (bytes) are the peak usage, where measured.
    """

    epochs: list[Epoch]
    epoch: int
    memory: int = 0
    device_memory: int = 0

    @property
    def validation_loss(self) -> float:
        return self.epochs[self.epoch]["val_loss"]


@dataclass(frozen=True)
class Listener:
    """Notified of a training: `epoch` of each one, `trained` of the share of its tiles done."""

    epoch: Callable[[Epoch], None] = lambda row: None
    trained: Callable[[float], None] = lambda share: None


SILENT = Listener()


@dataclass(frozen=True)
class FitConfig:
    """The settings of a training besides tiles and initial network.

    `compute` affects speed, and results only by rounding.
    """

    recipe: Recipe
    learning_rate: float
    positive_weight: float
    prepare: Normalization
    seed: tuple[int, ...]
    compute: Compute = PLAIN


@dataclass
class TrainingState:
    """The state of a training.

    Attributes:
        model: its weights.
        plan: how it is trained.
        checkpoint: its files.
        listener: notified of each epoch, including those before a stop.
        epochs: rows so far.
        best_epoch: the epoch whose weights the recipe keeps.
    """

    model: nn.Module
    plan: FitConfig
    checkpoint: Checkpoint
    listener: Listener
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1

    def judge(self, row: Epoch, wrapped: nn.Module, validation: Side, loss: nn.Module) -> None:
        """Validate an epoch and keep the weights if it is the best so far."""
        row |= measures("val", forward_loss(wrapped, validation, loss, self.plan))
        refuse_divergence(row, self.plan.learning_rate)
        self.epochs.append(row)
        self.best_epoch = kept_epoch(self.epochs, self.plan.recipe)
        if self.best_epoch == row["epoch"] and self.plan.recipe.keep != "last":
            self.checkpoint.hold_best(self.model, self.best_epoch)

    def ended(self) -> Fit:
        """Load the weights that the recipe keeps."""
        if self.plan.recipe.keep != "last":
            self.checkpoint.load_best(self.model, self.best_epoch)
        return Fit(self.epochs, self.best_epoch)


def fit(
    fabric: Fabric,
    model: nn.Module,
    train: Side,
    validation: Side,
    plan: FitConfig,
    checkpoint: Checkpoint,
    listener: Listener,
) -> Fit:
    """Train a network and load the weights that the recipe keeps.

    Everything random in an epoch comes from (seed, epoch), so a resumed run
    gives the same result as an uninterrupted one.

    Args:
        fabric: device and precision.
        model: fresh weights, already on the device.
        train: the training tiles.
        validation: the tiles that choose the epoch, depending on the recipe.
        plan: recipe, learning rate, weight of positives, normalisation and seed.
        checkpoint: files of the run in progress.
        listener: notified of each epoch, including those before a stop.
    """
    plan.compute.set_on(model)
    optimiser = adam(model, plan.learning_rate, fabric.device)
    progress = checkpoint.load(model, optimiser) or {}
    wrapped, stepper = fabric.setup(model, optimiser)
    course, loss = (
        TrainingState(model, plan, checkpoint, listener, **progress),
        tile_loss(fabric, plan),
    )
    for row in course.epochs:  # those trained before the run was stopped
        listener.epoch(row)
    for number in range(len(course.epochs), plan.recipe.epochs):
        row = train_epoch(fabric, wrapped, stepper, loss, train, plan, number, listener)
        course.judge(row, wrapped, validation, loss)
        if number + 1 < plan.recipe.epochs:
            progress = {"epochs": course.epochs, "best_epoch": course.best_epoch}
            checkpoint.save(model, optimiser, progress)
        listener.epoch(row)
    return course.ended()


def adam(model: nn.Module, learning_rate: float, device: torch.device) -> torch.optim.Adam:
    """The study's optimiser, fused where the device supports it."""
    fused = device.type in ("cpu", "cuda")
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=fused)


def tile_loss(fabric: Fabric, plan: FitConfig) -> nn.Module:
    """The loss of each tile, positives weighted."""
    weight = torch.tensor(plan.positive_weight, device=fabric.device)
    return nn.BCEWithLogitsLoss(pos_weight=weight, reduction="none")


def forward_loss(
    model: nn.Module, side: Side, loss: nn.Module, plan: FitConfig
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean loss over some tiles in evaluation mode, their logits and their targets."""
    logits = forward(model, side.tiles, side.rows, plan.prepare, plan.compute)
    device = side.tiles.device
    on_device = [torch.from_numpy(a.astype(np.float32)).to(device) for a in (logits, side.targets)]
    return float(loss(*on_device).mean()), logits, side.targets


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimiser: Any,
    loss: nn.Module,
    side: Side,
    plan: FitConfig,
    number: int,
    listener: Listener = SILENT,
) -> Epoch:
    """Train for one epoch.

    Args:
        fabric: device and precision.
        model: set up by it; tiles (b, 3, h, w) to logits (b,).
        optimiser: set up with it.
        loss: of each tile.
        side: the training tiles.
        plan: how.
        number: of the epoch, from 0.
        listener: notified after each batch.
    """
    start, batch = time.perf_counter(), plan.recipe.batch
    order, generator = seeded_order((*plan.seed, number), side)
    # Allocated once: small tensors from each step would fragment the memory.
    total, logits = (torch.zeros(shape, device=fabric.device) for shape in ((), order.shape))
    targets = torch.from_numpy(side.targets[order].astype(np.float32)).to(fabric.device)
    batches = side.tiles.batches(np.split(side.rows[order], range(batch, len(order), batch)))
    model.train()
    # No GPU synchronisation in the loop: losses and logits stay there until the end of the epoch.
    split = (each.split(batch) for each in (targets, logits))
    for tiles, aims, said in zip(batches, *split, strict=True):
        inputs = plan.prepare(augment(tiles, plan.recipe.augment, generator))
        output = model(plan.compute.laid_out(inputs)).view_as(aims)
        value = loss(output, aims).mean()
        _step(fabric, optimiser, value)
        total += value.detach() * len(aims)  # weights the last, smaller batch correctly
        said.copy_(output.detach())
        listener.trained(len(aims) / len(order))
    mean, found = float(total / len(order)), logits.cpu().double().numpy()
    seconds = time.perf_counter() - start
    row = {"epoch": number, "learning_rate": plan.learning_rate}
    row |= {"seconds": seconds, "tiles_per_second": len(order) / seconds}
    return row | measures("train", (mean, found, side.targets[order]))


def _step(fabric: Fabric, optimiser: Any, loss: Tensor) -> None:
    optimiser.zero_grad()
    fabric.backward(loss)
    optimiser.step()


def seeded_order(seed: tuple[int, ...], side: Side) -> tuple[np.ndarray, torch.Generator]:
    """The order of an epoch's tiles and a generator for augmentation; dropout is also seeded."""
    shuffle, dropout, augmentation = np.random.SeedSequence(seed).spawn(3)
    torch.manual_seed(int(dropout.generate_state(1)[0]))
    generator = torch.Generator().manual_seed(int(augmentation.generate_state(1)[0]))
    tile_bytes = int(np.prod(side.tiles.pixels.shape[1:]))
    return epoch_order(side.rows, tile_bytes, np.random.default_rng(shuffle)), generator

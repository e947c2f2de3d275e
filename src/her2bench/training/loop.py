"""The training loop, with Lightning Fabric."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.models.proportional_odds import score_shares
from her2bench.training.augmentation import augment
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epoch_order import epoch_order
from her2bench.training.epochs import Epoch, measures
from her2bench.training.listener import SILENT, Listener
from her2bench.training.losses import CutLoss, TileLoss, smoothed
from her2bench.training.micro_batches import MicroBatches, needs_whole_batches
from her2bench.training.optimiser import optimiser_for, set_rate
from her2bench.training.state import Fit, FitConfig, Side, TrainingState
from her2bench.training.weight_average import WeightAverage


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
    recipe = plan.recipe
    optimiser = optimiser_for(model, plan.network, recipe, plan.options, plan.learning_rate)
    average = WeightAverage(model, recipe.average) if recipe.average else None
    progress = checkpoint.load(model, optimiser, average and average.model) or {}
    wrapped, stepper = fabric.setup(model, optimiser)
    course = TrainingState(model, plan, checkpoint, listener, **progress, average=average)
    loss = _loss(plan, train, fabric.device)
    judged = fabric.setup_module(average.model) if average else wrapped
    passes = MicroBatches(plan.network)
    for row in course.epochs:  # those trained before the run was stopped
        listener.epoch(row)
    for number in range(len(course.epochs), recipe.epochs):
        if course.over:
            break
        row = train_epoch(
            *(fabric, wrapped, stepper, loss, train, plan, number, passes, average, listener)
        )
        course.judge(row, judged, validation, loss)
        if number + 1 < recipe.epochs:
            progress = {"epochs": course.epochs, "best_epoch": course.best_epoch}
            checkpoint.save(model, optimiser, progress, average and average.model)
        listener.epoch(row)
    return replace(course.ended(), micro_batch=passes.size)


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimiser: Any,
    loss: nn.Module,
    side: Side,
    plan: FitConfig,
    number: int,
    passes: MicroBatches,
    average: WeightAverage | None = None,
    listener: Listener = SILENT,
) -> Epoch:
    """Train for one epoch.

    Args:
        fabric: device and precision; model and optimiser are set up by it.
        model: tiles (b, 3, h, w) to logits (b,).
        loss: of each tile, or of its cuts.
        side: the training tiles; `plan` says how.
        number: of the epoch, from 0.
        passes: how many tiles there is room for at a time.
        average: takes in the weights after each step.
        listener: notified after each batch.
    """
    start, recipe = time.perf_counter(), plan.recipe
    order, generator = seeded_order((*plan.seed, number), side)
    # Allocated once: small tensors from each step would fragment the memory.
    total, logits = (torch.zeros(shape, device=fabric.device) for shape in ((), order.shape))
    targets = torch.from_numpy(side.aims[order]).to(fabric.device)
    ends = batch_ends(len(order), recipe.batch, model)
    batches = side.tiles.batches(np.split(side.rows[order], ends))
    model.train()
    # No GPU synchronisation in the loop: losses and logits stay there until its end.
    split, steps = (each.tensor_split(ends) for each in (targets, logits)), len(ends) + 1
    for step, (tiles, aims, said) in enumerate(zip(batches, *split, strict=True), number * steps):
        inputs = plan.prepare(augment(tiles, recipe.augment, generator, recipe.augment_strength))
        goal, setup = smoothed(aims, recipe.label_smoothing), (fabric, model, optimiser, loss)
        set_rate(optimiser, plan.learning_rate, recipe, step, steps * recipe.epochs)
        output, value = passes.gradients(*setup, plan.compute.laid_out(inputs), goal)
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimiser.step()
        if average:
            average.update(step)
        total += value * len(aims)  # weights the last, smaller batch correctly
        said.copy_(output)
        listener.trained(len(aims) / len(order))
    mean, found = float(total / len(order)), logits.cpu().double().numpy()
    row = _row(plan, number, len(order), time.perf_counter() - start)
    return row | measures("train", (mean, found, side.targets[order]))


def _row(plan: FitConfig, number: int, tiles: int, seconds: float) -> Epoch:
    speed = {"seconds": seconds, "tiles_per_second": tiles / seconds}
    return {"epoch": number, "learning_rate": plan.learning_rate} | speed


def _loss(plan: FitConfig, train: Side, device: torch.device) -> TileLoss:
    """The loss of the recipe, of targets or of scores."""
    if train.scores is None:
        weight = torch.tensor(plan.positive_weight, device=device)
        return TileLoss(plan.recipe.loss, weight, float(train.targets.mean()))
    weights, shares = np.array(plan.score_weights), score_shares(train.scores, np.ones(4))
    on_device = (torch.from_numpy(a).float().to(device) for a in (weights, shares))
    return CutLoss(plan.recipe.loss, *on_device)


def batch_ends(tiles: int, batch: int, model: nn.Module) -> list[int]:
    """Where one batch ends and the next begins.

    A last batch of a single tile joins the one before in networks with batch normalisation, which
    cannot be trained on one value.
    """
    ends = list(range(batch, tiles, batch))
    single = bool(ends) and tiles - ends[-1] == 1
    if single and needs_whole_batches(model):
        ends.pop()
    return ends


def seeded_order(seed: tuple[int, ...], side: Side) -> tuple[np.ndarray, torch.Generator]:
    """The order of an epoch's tiles and a generator for augmentation; dropout is also seeded."""
    shuffle, dropout, augmentation = np.random.SeedSequence(seed).spawn(3)
    torch.manual_seed(int(dropout.generate_state(1)[0]))
    generator = torch.Generator().manual_seed(int(augmentation.generate_state(1)[0]))
    tile_bytes = int(np.prod(side.tiles.pixels.shape[1:]))
    return epoch_order(side.rows, tile_bytes, np.random.default_rng(shuffle)), generator

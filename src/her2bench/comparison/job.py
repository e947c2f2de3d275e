"""One job → one run folder: train a network, predict every side, say DONE."""

from collections.abc import Callable

import numpy as np
import polars as pl
import tomli_w
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.plan import Job
from her2bench.comparison.sides import Fold
from her2bench.core.runs import RunFolder, write_text
from her2bench.core.tables import write_table
from her2bench.core.versions import versions
from her2bench.evaluation.thresholds import choose_threshold
from her2bench.models import build_model
from her2bench.prediction.forward import forward
from her2bench.prediction.memory import keep_memory
from her2bench.prediction.preparation import Preparation
from her2bench.prediction.trained import Description, save_trained
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Epoch, Fit, Plan, fit
from her2bench.training.normalisation import fitted_preparation
from her2bench.training.recipe import positive_weight


def run_job(
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    device: torch.device,
    on_epoch: Callable[[Epoch], None],
) -> None:
    """Train one network on one fold with one seed and write its run folder.

    Several learning rates are tried in turn; the one with the least validation loss is kept.
    """
    keep_memory()
    fabric = Fabric(accelerator=device.type, devices=1, precision=config.precision)
    write_config(run, config, job)
    train = fold.side("train")
    prepare = (
        fitted_preparation(fold.pixels, train.rows) if config.recipe.normalise else Preparation()
    )
    rates = config.recipe.rates_for(job.model)
    fits = {r: _fit(fabric, r, job, config, fold, run, prepare, on_epoch)[0] for r in rates}
    best = min(rates, key=lambda rate: fits[rate].validation_loss)
    # Trained already: this reads the kept weights back, so that one network at a time is held.
    _, model = _fit(fabric, best, job, config, fold, run, prepare, lambda row: None)
    logits = {
        split: forward(model, fold.pixels, fold.side(split).rows, prepare, device)
        for split in fold.present
    }
    threshold = choose_threshold(logits["val"], fold.side("val").targets, config.score.threshold)
    description = Description(job.model, config.size, prepare, threshold, config.endpoint)
    save_trained(model, description, run.weights)
    write_table(pl.DataFrame([row for rate in rates for row in fits[rate].epochs]), run.metrics)
    write_run(job, fold, run, logits, _summary(model, fits[best], threshold, device))


def write_config(run: RunFolder, config: ComparisonConfig, job: Job) -> None:
    """Write the run's config.toml: the comparison's settings and which run of it this is."""
    settings = config.model_dump(mode="json", exclude_none=True)
    mine = {"model": job.model, "seed": job.seed, "fold": job.fold}
    write_text(run.config, tomli_w.dumps({"run": mine, **settings}))


def write_run(
    job: Job, fold: Fold, run: RunFolder, logits: dict[str, np.ndarray], summary: dict
) -> None:
    """Write a run's predictions, then DONE."""
    table = fold.predictions(logits, model=job.model, seed=job.seed, fold=job.fold)
    write_table(table, run.predictions)
    run.mark_done(summary)
    Checkpoint(run.unfinished).remove()


def _fit(
    fabric: Fabric,
    rate: float,
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    prepare: Preparation,
    on_epoch: Callable[[Epoch], None],
) -> tuple[Fit, nn.Module]:
    train = fold.side("train")
    weight = _positive_weight(config, fold)
    torch.manual_seed(int(np.random.SeedSequence((job.seed, job.fold)).generate_state(1)[0]))
    model = build_model(job.model, config.size).to(fabric.device)
    plan = Plan(config.recipe, rate, weight, prepare, seed=(job.seed, job.fold))
    checkpoint = Checkpoint(run.unfinished / f"learning-rate-{rate!r}")
    fitted = fit(fabric, model, train, fold.side("val"), plan, checkpoint, on_epoch)
    return fitted, model


def _positive_weight(config: ComparisonConfig, fold: Fold) -> float:
    # The study took total/positives over its whole data set, before it cut validation off.
    splits = ("train", "val") if config.recipe.pos_weight == "total/positives" else ("train",)
    targets = np.concatenate([fold.side(split).targets for split in splits])
    positives = int(targets.sum())
    return positive_weight(config.recipe.pos_weight, positives, len(targets) - positives)


def _summary(
    model: nn.Module, fitted: Fit, threshold: float, device: torch.device
) -> dict[str, object]:
    """What DONE says: the run's size, speed and choices."""
    seconds = sum(row["seconds"] for row in fitted.epochs)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "learning_rate": fitted.epochs[fitted.epoch]["learning_rate"],
        "epoch": fitted.epoch,
        "threshold": threshold,
        "train_seconds": seconds,
        "train_tiles_per_second": float(
            np.median([row["tiles_per_second"] for row in fitted.epochs])
        ),
        "device": device.type,
        "versions": ", ".join(f"{k} {v}" for k, v in versions("torch").items()),
    }

"""One job → one run folder: train a network or fit a baseline, predict every split, write DONE."""

import numpy as np
import polars as pl
import tomli_w
from torch import nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.learning_rate_search import LearningRateSearch, OnEpoch
from her2bench.comparison.plan import Job
from her2bench.core.machine import peak_memory
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import write_text
from her2bench.core.tables import write_table
from her2bench.core.versions import versions
from her2bench.evaluation.scoring.thresholds import choose_threshold
from her2bench.models.baselines.registry import baseline
from her2bench.models.registry import network
from her2bench.prediction.compute import Compute
from her2bench.prediction.device import device_memory
from her2bench.prediction.forward import forward
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Fit


def run_job(
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    compute: Compute,
    on_epoch: OnEpoch,
) -> None:
    """Train one network on one fold with one seed and write its run folder.

    Several learning rates are tried in turn; the one with the least validation loss is kept.
    """
    write_config(run, config, job)
    trials, device = LearningRateSearch(job, config, fold, run, compute), fold.tiles.device
    prepare = trials.prepare
    with peak_memory() as held, device_memory(device) as held_there:
        fits, best, model = trials.best(on_epoch)
        logits = {
            split: forward(model, fold.tiles, fold.side(split).rows, prepare, compute)
            for split in fold.present
        }
    threshold = choose_threshold(logits["val"], fold.side("val").targets, config.score.threshold)
    source = network(job.model).source
    about = config.size, prepare, threshold, config.endpoint, config.decoding, source
    save_trained(model, ModelMetadata(job.model, *about, config.square), run.weights)
    write_table(pl.DataFrame([row for fitted in fits for row in fitted.epochs]), run.metrics)
    made_with = {
        "device": device.type,
        "compute": str(compute),
        "peak_memory_gb": _gb(held.bytes, *(fitted.memory for fitted in fits)),
        "peak_device_memory_gb": _gb(held_there.bytes, *(f.device_memory for f in fits)),
    }
    write_run(job, fold, run, logits, _summary(model, best, threshold) | made_with)


def run_baseline(job: Job, config: ComparisonConfig, fold: Fold, run: RunFolder) -> None:
    """Fit one baseline on a fold's training tiles and write its run folder."""
    write_config(run, config, job)
    known, sides = baseline(job.model), {split: fold.side(split) for split in fold.present}
    measured = {
        split: known.measure(fold.tiles.pixels[side.rows]).astype(np.float64)
        for split, side in sides.items()
    }
    fitted = known.fit(measured["train"], sides["train"].targets)
    logits = {split: fitted.logits(values) for split, values in measured.items()}
    threshold = choose_threshold(logits["val"], sides["val"].targets, config.score.threshold)
    summary = {"parameters": fitted.parameters, "threshold": threshold}
    write_run(job, fold, run, logits, summary)


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


def _gb(*held: int) -> float:
    return round(max(held) / 1e9, 3)


def _summary(model: nn.Module, fitted: Fit, threshold: float) -> dict[str, object]:
    """The content of DONE: the run's size, speed and selected settings."""
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
        "versions": ", ".join(f"{k} {v}" for k, v in versions("torch").items()),
    }

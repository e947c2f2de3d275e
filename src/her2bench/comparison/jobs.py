"""One job → one run folder: train a network or fit a baseline, predict every split, write DONE."""

import platform
import time
from pathlib import Path

import numpy as np
import polars as pl
import tomli_w
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.learning_rate_search import LearningRateSearch
from her2bench.comparison.plan import Job
from her2bench.core.machine import peak_memory, usable_cores
from her2bench.core.memory import release_memory
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import write_text
from her2bench.core.score_parts import TunedModel
from her2bench.core.tables import write_table
from her2bench.core.versions import versions
from her2bench.evaluation.scoring.thresholds import choose_threshold
from her2bench.models.baselines.registry import baseline
from her2bench.models.cost import multiply_adds
from her2bench.models.ordinal import cut_logits
from her2bench.models.pretrained import checksum_of
from her2bench.models.registry import network
from her2bench.prediction.compute import Compute
from her2bench.prediction.device import device_memory
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import Listener
from her2bench.training.state import Fit


def run_job(
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    compute: Compute,
    listener: Listener,
    tuned: TunedModel | None = None,
) -> None:
    """Train one network on one fold with one seed and write its run folder.

    Several learning rates are tried in turn; the one with the least validation loss is kept. Where
    the model was tuned, it is trained with the values that the tuning chose.
    """
    write_config(run, config, job)
    values = tuned.values if tuned else {}
    trials = LearningRateSearch(job, config, fold, run, compute, values)
    device = fold.tiles.device
    prepare = trials.prepare
    release_memory()  # what earlier networks held is not this one's
    with peak_memory() as held, device_memory(device) as held_there:
        fits, best, model = trials.best(listener)
        logits, speed = predicted(model, fold, prepare, compute)
    made_with = {
        "device": device.type,
        "hardware": hardware(device),
        "compute": str(compute),
        "peak_memory_gb": _gb(held.bytes, *(fitted.memory for fitted in fits)),
        "peak_device_memory_gb": _gb(held_there.bytes, *(f.device_memory for f in fits)),
    }
    split = [fitted.micro_batch for fitted in fits if fitted.micro_batch]
    made_with |= {"micro_batch": min(split)} if split else {}  # tiles a pass
    write_table(epochs_from_one(fits), run.metrics)
    summary = {
        "learning_rate": best.epochs[best.epoch]["learning_rate"],
        "kept_epoch": best.epoch + 1,
        "train_seconds": sum(row["seconds"] for fitted in fits for row in fitted.epochs),
        "train_tiles_per_second": float(
            np.median([row["tiles_per_second"] for row in best.epochs])
        ),
        "predict_tiles_per_second": speed,
    }
    summary |= made_with | tuned_summary(tuned)
    finish(job, config, fold, run, model, prepare, logits, summary)


def predicted(
    model: nn.Module, fold: Fold, prepare: Normalization, compute: Compute
) -> tuple[dict[str, np.ndarray], float]:
    """The logits of every split, and how many tiles a second were predicted."""
    start = time.perf_counter()
    logits = {
        split: forward(model, fold.tiles, fold.side(split).rows, prepare, compute)
        for split in fold.present
    }
    return logits, _rate(logits, start)


def finish(
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    model: nn.Module,
    prepare: Normalization,
    logits: dict[str, np.ndarray],
    summary: dict[str, object],
) -> None:
    """Choose the threshold on validation; write weights, predictions and DONE.

    `logits` are the network's outputs by split: of positive, or of 2+ or more.
    """
    threshold = choose_threshold(logits["val"], fold.side("val").targets, config.score.threshold)
    source, options = network(job.model).source, config.options(job.model)
    about = config.size, prepare, threshold, config.endpoint, config.decoding, source
    about = *about, config.square, options.arguments, fold.scale
    save_trained(model, ModelMetadata(job.model, *about), run.weights)
    known = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "threshold": threshold,
        "versions": ", ".join(f"{k} {v}" for k, v in versions("torch").items()),
    }
    if isinstance(options.pretrained, Path):
        known["pretrained"] = f"{options.pretrained.name} {checksum_of(options.pretrained)}"
    work = multiply_adds(model, config.size)
    if work is not None:
        known["multiply_adds"] = work
    if fold.ordinal:
        logits = {split: cut_logits(model, values) for split, values in logits.items()}
    write_run(job, fold, run, logits, known | summary)


def run_baseline(
    job: Job, config: ComparisonConfig, fold: Fold, run: RunFolder, tuned: TunedModel | None = None
) -> None:
    """Fit one baseline on a fold's training tiles and write its run folder."""
    write_config(run, config, job)
    known, sides = baseline(job.model), {split: fold.side(split) for split in fold.present}
    strength = tuned.values["regularisation"] if tuned else None

    def measured(split: str) -> np.ndarray:
        return known.measure(fold.tiles.pixels[sides[split].rows]).astype(np.float64)

    start = time.perf_counter()
    train = measured("train")
    fitted = known.fitting(config.endpoint, strength)(train, sides["train"].classes)
    trained = time.perf_counter()
    logits = {split: fitted.logits(measured(split)) for split in sides if split != "train"}
    speed = _rate(logits, trained)
    logits["train"] = fitted.logits(train)
    judged = logits["val"][:, 1] if fold.ordinal else logits["val"]
    threshold = choose_threshold(judged, sides["val"].targets, config.score.threshold)
    summary = {"parameters": fitted.parameters, "threshold": threshold}
    summary |= {"train_seconds": trained - start, "predict_tiles_per_second": speed}
    write_run(job, fold, run, logits, summary | tuned_summary(tuned))


def tuned_summary(tuned: TunedModel | None) -> dict[str, object]:
    """What DONE says of the tuning of the run's fold."""
    return {"tuned": tuned.values, "tuning_seconds": tuned.seconds} if tuned else {}


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


def epochs_from_one(fits: list[Fit]) -> pl.DataFrame:
    """metrics.csv: one row per learning rate and epoch, counted from 1 as in the figures."""
    table = pl.DataFrame([row for fitted in fits for row in fitted.epochs])
    return table.with_columns(pl.col("epoch") + 1)


def hardware(device: torch.device) -> str:
    """The device as a methods section names it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type.upper()}, {usable_cores()} cores"


def validation_auc(run: RunFolder) -> float | None:
    """The ROC-AUC of a finished run on its validation tiles; None where they are of one class."""
    table = pl.read_parquet(run.predictions).filter(pl.col("split") == "val")
    if table["target"].n_unique() < 2:
        return None
    return float(roc_auc_score(table["target"].to_numpy(), table["logit"].to_numpy()))


def _rate(logits: dict[str, np.ndarray], start: float) -> float:
    """Tiles per second since a time."""
    seconds = time.perf_counter() - start
    return sum(map(len, logits.values())) / max(seconds, 1e-9)


def _gb(*held: int) -> float:
    return round(max(held) / 1e9, 3)

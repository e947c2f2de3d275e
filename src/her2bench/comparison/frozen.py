"""A frozen network: each tile's features computed once and kept, and a linear head fitted."""

import time
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.jobs import finish, hardware, write_config
from her2bench.comparison.learning_rate_search import (
    fresh_model,
    normalization_for,
    weight_of_positives,
)
from her2bench.comparison.plan import Job
from her2bench.core.notes import note
from her2bench.core.run_folder import RunFolder
from her2bench.core.tables import write_table
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.evaluation.statistics.probabilistic import sigmoid
from her2bench.models.head import head_of
from her2bench.prediction.compute import Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.weights import read_tensors, write_tensors
from her2bench.training.epochs import measures
from her2bench.training.state import Side

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""scikit-learn's C, from strong to weak regularisation."""


def run_frozen(
    job: Job, config: ComparisonConfig, fold: Fold, run: RunFolder, compute: Compute, cache: Path
) -> None:
    """Fit the head of a frozen network on one fold and write its run folder."""
    write_config(run, config, job)
    start = time.perf_counter()
    model = fresh_model(job, config).to(fold.tiles.device).eval()
    prepare = normalization_for(job.model, config, fold)
    head = head_of(model, job.model)
    found = _features(model, head, fold, prepare, compute, cache)
    weight = weight_of_positives(config.recipe_for(job.model), fold)
    strength = _fit_head(head, found, fold.side("train"), fold.side("val"), weight)
    logits = {
        split: forward(model, fold.tiles, fold.side(split).rows, prepare, compute)
        for split in fold.present
    }
    seconds = time.perf_counter() - start
    row = {"epoch": 1, "learning_rate": 0.0, "seconds": seconds}
    row |= {"tiles_per_second": len(found) / seconds}
    for split in ("train", "val"):
        targets = fold.side(split).targets
        row |= measures(split, (_loss(logits[split], targets, weight), logits[split], targets))
    write_table(pl.DataFrame([row]), run.metrics)
    summary: dict[str, object] = {"regularisation": strength, "train_seconds": seconds}
    device = fold.tiles.device
    summary |= {"kept_epoch": 1, "device": device.type, "hardware": hardware(device)}
    summary["compute"] = str(compute)
    finish(job, config, fold, run, model, prepare, logits, summary)


def _features(
    model: nn.Module,
    head: nn.Linear,
    fold: Fold,
    prepare: Normalization,
    compute: Compute,
    cache: Path,
) -> np.ndarray:
    """(n, d) float32: what the head is given, for every tile of the cache, read if kept."""
    kept = cache / "features" / f"{_key(model, head, fold, prepare)}.safetensors"
    if kept.is_file():
        try:
            return read_tensors(kept)[0]["features"].numpy()
        except (ValueError, OSError, KeyError) as error:
            note(kept, f"damaged ({error}): the features are computed again")
    parts: list[Tensor] = []
    watched = head.register_forward_pre_hook(lambda _, given: parts.append(given[0].float().cpu()))
    try:
        forward(model, fold.tiles, np.arange(len(fold.tiles.pixels)), prepare, compute)
    finally:
        watched.remove()
    features = torch.cat(parts)[-len(fold.tiles.pixels) :]  # without what ran out of memory before
    write_tensors({"features": features}, kept, {})
    return features.numpy()


def _key(model: nn.Module, head: nn.Linear, fold: Fold, prepare: Normalization) -> str:
    """Key of the backbone's weights, the tiles and their normalisation."""
    ours = {id(tensor) for tensor in head.parameters()}
    total = 0
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in ours:
            content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            total = zlib.crc32(content.data, zlib.crc32(name.encode(), total))
    return content_key([fold.pixels, f"{total:08x}", type(model).__name__, repr(prepare)])


def _fit_head(
    head: nn.Linear, features: np.ndarray, train: Side, validation: Side, weight: float
) -> float:
    """Set the head to the logistic regression with the least validation loss; return its C."""
    scaler = StandardScaler().fit(features[train.rows])
    inputs = scaler.transform(features[train.rows])
    judged = scaler.transform(features[validation.rows])
    fits = [
        LogisticRegression(C=c, max_iter=2000, class_weight={0: 1.0, 1: weight}).fit(
            inputs, train.targets
        )
        for c in STRENGTHS
    ]
    losses = [_loss(f.decision_function(judged), validation.targets, weight) for f in fits]
    best = fits[int(np.argmin(losses))]
    slopes = best.coef_[0] / scaler.scale_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(slopes[None]))
        head.bias.copy_(torch.from_numpy(best.intercept_ - slopes @ scaler.mean_))
    return float(best.C)


def _loss(logits: np.ndarray, targets: np.ndarray, weight: float) -> float:
    """The mean cross-entropy, positives weighted as in training."""
    right = np.where(targets == 1, sigmoid(logits), sigmoid(-logits))
    return float(np.mean(np.where(targets == 1, weight, 1.0) * -np.log(np.maximum(right, 1e-300))))

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
from her2bench.comparison.jobs import finish, hardware, predicted, write_config
from her2bench.comparison.learning_rate_search import (
    fresh_model,
    normalization_for,
    weight_of_positives,
    weights_of_scores,
    with_thresholds,
)
from her2bench.comparison.plan import Job
from her2bench.core.notes import note
from her2bench.core.run_folder import RunFolder
from her2bench.core.tables import write_table
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.evaluation.statistics.probabilistic import sigmoid
from her2bench.models.head import head_of
from her2bench.models.ordinal import OrdinalNetwork, cut_logits
from her2bench.models.proportional_odds import fit_proportional_odds
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
    recipe = config.recipe_for(job.model)
    backbone = fresh_model(job, config).to(fold.tiles.device).eval()
    prepare = normalization_for(job.model, config, fold)
    head = head_of(backbone, job.model)
    found = _features(backbone, head, fold, prepare, compute, cache)
    model = with_thresholds(backbone, recipe, fold).to(fold.tiles.device)
    weights = weights_of_scores(recipe, fold) or (1.0, weight_of_positives(recipe, fold))
    strength = _fit_head(model, head, found, fold.side("train"), fold.side("val"), weights)
    seconds = time.perf_counter() - start
    logits, speed = predicted(model, fold, prepare, compute)
    row = {"epoch": 1, "learning_rate": 0.0, "seconds": seconds}
    row |= {"tiles_per_second": len(found) / seconds}
    for split in ("train", "val"):
        side, said = fold.side(split), logits[split]
        cuts = cut_logits(model, said) if fold.ordinal else said
        row |= measures(split, (_loss(cuts, side, weights), said, side.targets))
    write_table(pl.DataFrame([row]), run.metrics)
    summary: dict[str, object] = {"regularisation": strength, "train_seconds": seconds}
    device = fold.tiles.device
    summary |= {"kept_epoch": 1, "device": device.type, "hardware": hardware(device)}
    summary |= {"compute": str(compute), "predict_tiles_per_second": speed}
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
    model: nn.Module,
    head: nn.Linear,
    features: np.ndarray,
    train: Side,
    validation: Side,
    weights: tuple[float, ...],
) -> float:
    """Set head and thresholds to the regression with the least validation loss; return its C."""
    scaler = StandardScaler().fit(features[train.rows])
    inputs, judged = (
        np.asarray(scaler.transform(features[side.rows])) for side in (train, validation)
    )
    fits = [_regression(inputs, train, c, weights) for c in STRENGTHS]
    losses = [_loss(_said(judged @ w, cuts), validation, weights) for w, cuts in fits]
    best = int(np.argmin(losses))
    slopes, thresholds = fits[best][0] / np.asarray(scaler.scale_), fits[best][1]
    middle = thresholds[len(thresholds) // 2]
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(slopes[None]))
        head.bias.copy_(torch.from_numpy(np.array([-middle - slopes @ np.asarray(scaler.mean_)])))
    if isinstance(model, OrdinalNetwork):
        model.set_thresholds((thresholds - middle).tolist())
    return STRENGTHS[best]


def _regression(
    inputs: np.ndarray, train: Side, strength: float, weights: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (k,) and thresholds, one of a target and three of scores."""
    if train.scores is not None:
        double = inputs.astype(np.float64)
        return fit_proportional_odds(double, train.scores, strength, np.array(weights))
    balance = dict(enumerate(weights))
    model = LogisticRegression(C=strength, max_iter=2000, class_weight=balance)
    model.fit(inputs, train.targets)
    return model.coef_[0], -np.asarray(model.intercept_)


def _said(places: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Logits of a target (n,) or of the three cuts (n, 3)."""
    return places - thresholds[0] if len(thresholds) == 1 else places[:, None] - thresholds


def _loss(logits: np.ndarray, side: Side, weights: tuple[float, ...]) -> float:
    """The mean cross-entropy, summed over the cuts of scores, weighted as in training."""
    right = sigmoid(np.where(side.aims == 1, logits, -logits))
    losses = -np.log(np.maximum(right, 1e-300)).reshape(len(logits), -1).sum(axis=1)
    classes = side.targets if side.scores is None else side.scores
    return float(np.mean(np.array(weights)[classes] * losses))

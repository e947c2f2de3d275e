"""A frozen network: each tile's features computed once and kept, and a linear head fitted."""

import time
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.jobs import finish, hardware, predicted, tuned_summary, write_config
from her2bench.comparison.learning_rate_search import (
    fresh_model,
    normalization_for,
    weight_of_positives,
    weights_of_scores,
    with_thresholds,
)
from her2bench.comparison.linear_heads import LinearHeads, Regression, mean_loss
from her2bench.comparison.plan import Job
from her2bench.core.notes import note
from her2bench.core.run_folder import RunFolder
from her2bench.core.score_parts import TunedModel
from her2bench.core.tables import write_table
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.models.head import head_of
from her2bench.models.ordinal import OrdinalNetwork, cut_logits
from her2bench.prediction.compute import Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.weights import read_tensors, write_tensors
from her2bench.training.epochs import measures

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""scikit-learn's C, from strong to weak regularisation."""


def run_frozen(
    job: Job,
    config: ComparisonConfig,
    fold: Fold,
    run: RunFolder,
    compute: Compute,
    cache: Path,
    tuned: TunedModel | None = None,
) -> None:
    """Fit the head of a frozen network on one fold and write its run folder."""
    write_config(run, config, job)
    start = time.perf_counter()
    frozen = FrozenNetwork(job, config, fold, compute, cache)
    strengths = (tuned.values["regularisation"],) if tuned else STRENGTHS
    model, heads = frozen.with_thresholds, frozen.heads
    fits = [heads.regression(strength) for strength in strengths]
    best = int(np.argmin([heads.loss(fitted) for fitted in fits]))
    _set_head(model, frozen.head, heads, fits[best])
    seconds = time.perf_counter() - start
    logits, speed = predicted(model, fold, frozen.prepare, compute)
    row = {"epoch": 1, "learning_rate": 0.0, "seconds": seconds}
    row |= {"tiles_per_second": len(heads.features) / seconds}
    for split in ("train", "val"):
        side, said = fold.side(split), logits[split]
        cuts = cut_logits(model, said) if fold.ordinal else said
        loss = mean_loss(cuts, side, heads.weights)
        row |= measures(split, (loss, said, side.targets))
    write_table(pl.DataFrame([row]), run.metrics)
    summary: dict[str, object] = {"regularisation": strengths[best], "train_seconds": seconds}
    device = fold.tiles.device
    summary |= {"kept_epoch": 1, "device": device.type, "hardware": hardware(device)}
    summary |= {"compute": str(compute), "predict_tiles_per_second": speed}
    finish(job, config, fold, run, model, frozen.prepare, logits, summary | tuned_summary(tuned))


@dataclass(frozen=True)
class FrozenNetwork:
    """A network whose weights stay as they are, but for those of its head."""

    job: Job
    config: ComparisonConfig
    fold: Fold
    compute: Compute
    cache: Path

    @cached_property
    def backbone(self) -> nn.Module:
        """The network before its head is fitted."""
        return fresh_model(self.job, self.config).to(self.fold.tiles.device).eval()

    @property
    def head(self) -> nn.Linear:
        """The layer that is fitted."""
        return head_of(self.backbone, self.job.model)

    @property
    def prepare(self) -> Normalization:
        """The normalisation that the network expects."""
        return normalization_for(self.job.model, self.config, self.fold)

    @cached_property
    def with_thresholds(self) -> nn.Module:
        """The network with the thresholds of the four scores, where these are learned."""
        recipe = self.config.recipe_for(self.job.model)
        return with_thresholds(self.backbone, recipe, self.fold).to(self.fold.tiles.device)

    @cached_property
    def heads(self) -> LinearHeads:
        """The regressions on what the head is given for each tile."""
        recipe, fold = self.config.recipe_for(self.job.model), self.fold
        weights = weights_of_scores(recipe, fold) or (1.0, weight_of_positives(recipe, fold))
        how = fold, self.prepare, self.compute, self.cache
        found = _features(self.backbone, self.head, *how)
        return LinearHeads(found, fold.side("train"), fold.side("val"), weights)


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


def _set_head(model: nn.Module, head: nn.Linear, heads: LinearHeads, fitted: Regression) -> None:
    """Give head and thresholds the values of a regression on standardised features."""
    slopes, thresholds = fitted[0] / np.asarray(heads.scaler.scale_), fitted[1]
    middle = thresholds[len(thresholds) // 2]
    bias = -middle - slopes @ np.asarray(heads.scaler.mean_)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(slopes[None]))
        head.bias.copy_(torch.from_numpy(np.array([bias])))
    if isinstance(model, OrdinalNetwork):
        model.set_thresholds((thresholds - middle).tolist())

"""Heads for the four scores, compared: ordered thresholds (ours) and CORN, on one manifest.

    python -m benchmarks.ordinal_heads build/phantom/manifest.csv --model dabnet

Three folds of whole slides, the same network, order of tiles and epochs for each head. Printed: the
ranked probability score, the mean absolute error of the median score and the ROC-AUC of 2+ on test
tiles, mean and standard deviation over folds and seeds, and the paired difference to ours.

CORN: Shi, Cao, Raschka 2023, "Deep neural networks for rank-consistent ordinal regression based on
conditional probabilities", Pattern Anal Appl 26:941: three logits, of P(score > k given score ≥ k).
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from her2bench.core.manifest import read_manifest, targets
from her2bench.core.ordinal import predicted_scores
from her2bench.data.splitting.split_scores import with_scores
from her2bench.data.splitting.splits import SplitSettings, make_splits
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.models.head import head_of
from her2bench.models.ordinal import OrdinalNetwork, cumulative
from her2bench.models.proportional_odds import frequency_thresholds
from her2bench.models.registry import build_model
from her2bench.training.losses import CutLoss
from her2bench.training.network_options import FULL
from her2bench.training.optimiser import optimiser_for
from her2bench.training.recipe import Recipe

HEADS = ("thresholds", "CORN")


class Corn(nn.Module):
    """A network whose head has three outputs, logits of conditional probabilities."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        layer = head_of(model, "")
        self.body, self.head = model, nn.Linear(layer.in_features, 3)
        layer.register_forward_pre_hook(lambda _, given: setattr(self, "_found", given[0]))
        layer.requires_grad_(False)

    def forward(self, tiles: Tensor) -> Tensor:
        self.body(tiles)
        return self.head(self._found)


def corn_loss(logits: Tensor, scores: Tensor) -> Tensor:
    """The mean over all tiles of all three conditional questions."""
    asked = scores[:, None] >= torch.arange(3)
    reached = (scores[:, None] > torch.arange(3)).float()
    losses = binary_cross_entropy_with_logits(logits, reached, reduction="none")
    return losses[asked].sum() / asked.sum()


def above(head: str, model: nn.Module, tiles: Tensor) -> Tensor:
    """P(1+ or more), P(2+ or more), P(3+), (b, 3)."""
    said = model(tiles)
    return said.sigmoid().cumprod(1) if head == "CORN" else cumulative(model, said).sigmoid()


def trained(head: str, given: argparse.Namespace, seed: int, tiles: Tensor, scores: Tensor):
    """A network with a head after all epochs."""
    torch.manual_seed(seed)
    model = build_model(given.model, given.size)
    where = frequency_thresholds(scores.numpy(), np.ones(4))
    model = Corn(model) if head == "CORN" else OrdinalNetwork(model, where.tolist())
    loss = CutLoss("cross-entropy", torch.ones(4), torch.full((3,), 0.5))
    recipe = Recipe(optimiser="adamw", weight_decay=0.01)
    steps = optimiser_for(model, given.model, recipe, FULL, given.rate)
    order = torch.Generator().manual_seed(seed)
    for _ in range(given.epochs):
        model.train()
        for rows in torch.randperm(len(tiles), generator=order).split(32):
            steps.zero_grad()
            said, aims = model(tiles[rows]), scores[rows]
            reached = (aims[:, None] >= torch.arange(1, 4)).float()
            if head == "CORN":
                corn_loss(said, aims).backward()
            else:
                loss(cumulative(model, said), reached).mean().backward()
            steps.step()
    return model.eval()


def measured(above_cuts: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Ranked probability score, mean absolute error, ROC-AUC of 2+."""
    reached = scores[:, None] >= np.arange(1, 4)
    ends = np.ones((len(scores), 1)), np.zeros((len(scores), 1))
    p = -np.diff(np.hstack([ends[0], above_cuts, ends[1]]), axis=1)
    error = np.abs(predicted_scores(p) - scores).mean()
    squares = ((above_cuts - reached) ** 2).sum(1).mean()
    return np.array([squares, error, roc_auc_score(reached[:, 1], above_cuts[:, 1])])


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("manifest", type=Path)
    options.add_argument("--model", default="dabnet")
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--epochs", type=int, default=12)
    options.add_argument("--rate", type=float, default=1e-3)
    options.add_argument("--seeds", type=int, default=2)
    given = options.parse_args()
    manifest = read_manifest(given.manifest)
    settings = SplitSettings(kind="grouped-kfold", folds=3, validation=0.0)
    splits = with_scores(make_splits(manifest, targets(manifest, "score"), settings), manifest)
    cached = cached_tiles(manifest, given.size)
    pixels = torch.from_numpy(np.array(cached.pixels)).permute(0, 3, 1, 2).float() / 255
    places = pl.DataFrame({"tile_id": cached.tile_ids, "row": np.arange(len(cached.tile_ids))})
    found: dict[str, list[np.ndarray]] = {head: [] for head in HEADS}
    for (_, fold), seed in (
        (f, s) for f in splits.group_by("fold", maintain_order=True) for s in range(given.seeds)
    ):
        table = fold.join(places, on="tile_id")
        train, test = (table.filter(split=side) for side in ("train", "test"))
        for head in HEADS:
            start = time.perf_counter()
            learned = torch.from_numpy(train["score"].to_numpy().astype(np.int64))
            model = trained(head, given, seed, pixels[train["row"].to_list()], learned)
            with torch.inference_mode():
                said = above(head, model, pixels[test["row"].to_list()]).double().numpy()
            found[head].append(measured(said, test["score"].to_numpy()))
            print(
                head, found[head][-1].round(3), f"{time.perf_counter() - start:.0f} s", flush=True
            )
    ours = np.array(found["thresholds"])
    print(f"{'head':18} RPS            MAE            ROC-AUC 2+     difference of RPS to ours")
    for head, values in found.items():
        each = np.array(values)
        cells = "  ".join(
            f"{m:.3f} ± {s:.3f}" for m, s in zip(each.mean(0), each.std(0, ddof=1), strict=True)
        )
        apart = each[:, 0] - ours[:, 0]
        print(f"{head:18} {cells}  {apart.mean():+.4f} ± {apart.std(ddof=1):.4f}")


if __name__ == "__main__":
    main()

"""Predicting tiles: image files, and the rows of a manifest."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch

from her2bench.core.errors import UserError, listed
from her2bench.core.run_folder import RunFolder
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.forward import probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.predictor import Predictor, opened_predictor

_TOGETHER = 1024  # tiles whose logits are computed at once


def predict_tiles(
    run: RunFolder | Predictor, images: list[Path], device: torch.device, skip_bad: bool = False
) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """Each image's probability and class.

    Args:
        run: a finished run of a network, or what `opened_predictor` gives.
        images: each image one tile, of any size: resized as in training.
        device: for inference with a run.
        skip_bad: leave out images that cannot be read.

    Returns:
        A table `path, logit, probability, call` (`call` is positive or negative at the frozen
        threshold; of a network of the four scores, 2+ or more), with `p0` to `p3` of such a
        network, and path and reason of each image left out.

    Raises:
        UserError: an image or the run cannot be read, or the network gives no finite logit.
    """
    predictor = run if isinstance(run, Predictor) else opened_predictor(run.path, device)
    table = pl.DataFrame({"path": [str(path) for path in images]})
    predictions, left_out = predict_rows(
        predictor, table.with_columns(tile_id=pl.col("path")), skip_bad
    )
    return predictions.drop("tile_id"), left_out


def predict_rows(
    predictor: Predictor, manifest: pl.DataFrame, skip_bad: bool = False
) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """Each tile's probability and class, for the rows of a manifest.

    Returns:
        A table `tile_id, path, logit, probability, call` and, of a network of the four scores,
        `p0` to `p3`; path and reason of each tile left out.

    Raises:
        UserError: an image cannot be read, or a network gives no finite logit.
    """
    ready_cpu()
    description = predictor.description
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        how = description.decoding, description.square
        tiles = cached_tiles(manifest, description.size, Path(folder), skip_bad, *how)
        parts = np.split(tiles.pixels, range(_TOGETHER, len(tiles.tile_ids), _TOGETHER))
        logits = np.concatenate([predictor.logits(part) for part in parts])
        good, left_out = tiles.tile_ids, [(path, reason) for _, path, reason, _ in tiles.bad]
        del tiles, parts  # Windows cannot delete a file that is still memory-mapped
    check_finite(predictor, good, logits)
    positive = logits > predictor.threshold
    predictions = pl.DataFrame(
        {
            "tile_id": good,
            "logit": logits,
            "probability": probabilities(logits),
            "call": np.where(positive, "positive", "negative"),
            **score_columns(predictor.models, logits),
        }
    )
    paths = manifest.select("tile_id", "path")
    joined = predictions.join(paths, on="tile_id", how="left", maintain_order="left")
    return joined.select("tile_id", "path", pl.exclude("tile_id", "path")), left_out


def check_finite(predictor: Predictor, tiles: Sequence[str], logits: np.ndarray) -> None:
    """Raise a UserError that names the tiles without a finite logit."""
    bad = [tile for tile, logit in zip(tiles, logits, strict=True) if not np.isfinite(logit)]
    if bad:
        raise UserError(
            ", ".join(str(member.run.weights) for member in predictor.ensemble.members),
            found=f"no finite logit for {len(bad)} tile(s):{listed(bad)}",
            expected="a finite logit for every tile",
            hint="leave these tiles out, or train the network again",
        )

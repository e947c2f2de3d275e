"""Predicting tiles in files and folders."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError, listed
from her2bench.core.run_folder import RunFolder
from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.sources.image_files import (
    IMAGE_ENDINGS,
    files_below,
    is_image,
    refuse_other_encodings,
)
from her2bench.data.tile_cache.cached_tiles import cached_tiles
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import load_trained

LARGEST_TILE = 2048  # BCI's are 1024


def find_images(inputs: Iterable[Path]) -> list[Path]:
    """The image files in some files and folders (searched recursively), each once, sorted.

    Raises:
        UserError: an input does not exist, or there is no image in any of them.
    """
    found: dict[Path, Path] = {}
    for entry in inputs:
        if not entry.exists():
            raise UserError(entry, found="no such file or folder", hint="check the path")
        with reading(entry):
            inside = sorted(filter(is_image, files_below(entry))) if entry.is_dir() else [entry]
        for path in inside:
            if path.is_file():  # a link counts as an image with its own name
                found.setdefault(path.parent.resolve() / path.name, path.absolute())
    refuse_other_encodings(found.values())
    if not found:
        raise UserError(
            ", ".join(map(str, inputs)),
            found="no image in it",
            expected=f"files ending in {', '.join(sorted(IMAGE_ENDINGS))}",
        )
    return list(found.values())


def _refuse_slides(images: list[Path]) -> None:
    """Refuse slides: resized to a tile they would get a meaningless probability."""
    for path in images:
        try:
            image = open_image(path)
        except UnreadableImage:
            continue  # listed with all other unreadable images
        sides = image.width, image.height
        image.close()
        if max(sides) > LARGEST_TILE:
            raise UserError(
                path,
                found=f"{sides[0]} x {sides[1]} pixels: a slide or a core, not a tile",
                expected=f"tiles of at most {LARGEST_TILE} pixels per side, cut as in training",
                hint="cut it into tiles first",
            )


def predict_tiles(
    run: RunFolder, images: list[Path], device: torch.device, skip_bad: bool = False
) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """Each image's probability and class, by the network of a finished run.

    Args:
        run: the run folder.
        images: each image one tile, of any size: resized as in training.
        device: for inference.
        skip_bad: leave out images that cannot be read.

    Returns:
        A table `path, logit, probability, call` (`call` is positive or negative at the run's
        frozen threshold; of a network of the four scores, 2+ or more), with `p0` to `p3` of such
        a network, and path and reason of each image left out.

    Raises:
        UserError: an image or the run cannot be read, or the network gives no finite logit.
    """
    ready_cpu()
    _refuse_slides(images)
    model, description = load_trained(run, device)
    table = pl.DataFrame({"path": [str(path) for path in images]})
    table = table.with_columns(tile_id=pl.col("path"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        how = description.decoding, description.square
        tiles = cached_tiles(table, description.size, Path(folder), skip_bad, *how)
        rows = np.arange(len(tiles.tile_ids))
        logits = forward(model, TileLoader(tiles.pixels, device), rows, description.preparation)
        left_out = [(path, reason) for _, path, reason, _ in tiles.bad]
        tile_ids = tiles.tile_ids
        del tiles  # Windows cannot delete a file that is still memory-mapped
    _refuse_not_finite(run, tile_ids, logits)
    positive = logits > description.threshold
    predictions = pl.DataFrame(
        {
            "path": table.filter(~pl.col("path").is_in([p for p, _ in left_out]))["path"],
            "logit": logits,
            "probability": probabilities(logits),
            "call": np.where(positive, "positive", "negative"),
            **score_columns(model, logits),
        }
    )
    return predictions, left_out


def _refuse_not_finite(run: RunFolder, paths: Sequence[str], logits: np.ndarray) -> None:
    bad = [path for path, logit in zip(paths, logits, strict=True) if not np.isfinite(logit)]
    if bad:
        raise UserError(
            run.weights,
            found=f"no finite logit for {len(bad)} tile(s):{listed(bad)}",
            expected="a finite logit for every tile",
            hint="leave these tiles out, or train the network again",
        )

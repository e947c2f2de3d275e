"""A prepared comparison: inputs checked, tiles cached, nothing trained or written."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import torch

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.existing_folder import (
    forget_damaged_checksums,
    in_kept_order,
    is_kept,
    refuse_other_settings,
    refuse_other_tiles,
)
from her2bench.comparison.folds import Fold, fold_of
from her2bench.comparison.plan import Job, baseline_jobs, network_jobs, tuning_jobs
from her2bench.comparison.tuning_checks import require_slides_to_tune_on
from her2bench.core.config import to_toml
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest, targets, write_manifest
from her2bench.core.notes import note
from her2bench.core.one_class import require_both_classes
from her2bench.core.predictions import COLUMNS as PREDICTIONS
from her2bench.core.runs import ComparisonFolder, RunFolder, write_text
from her2bench.core.tables import write_table
from her2bench.data.splitting.split_scores import note_absent_scores, with_scores
from her2bench.data.splitting.splits import make_splits
from her2bench.data.tile_cache.cached_tiles import Tiles, cached_tiles
from her2bench.evaluation.scoring.breakdown import require_columns_to_break_down
from her2bench.evaluation.scoring.slide_table import require_whole_slides
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.training_scale import scale_of


@dataclass(frozen=True)
class Prepared:
    """The inputs of a comparison; `manifest` contains only the readable tiles.

    `known`: the folder already contains this comparison.
    """

    config: ComparisonConfig
    folder: ComparisonFolder
    manifest: pl.DataFrame
    splits: pl.DataFrame
    tiles: Tiles
    known: bool

    def folds(self, device: torch.device) -> dict[int, Fold]:
        """Fold number → fold with its tiles on a device."""
        numbers = self.splits["fold"].unique(maintain_order=True).to_list()
        feed = TileLoader(self.tiles.pixels, device)
        scale = scale_of(self.manifest, self.config.square)
        return {n: fold_of(self.splits, n, feed, self.tiles, scale) for n in numbers}

    @property
    def jobs(self) -> list[Job]:
        """All runs in order of execution."""
        folds = self.splits["fold"].n_unique()
        return [*baseline_jobs(self.config, folds), *network_jobs(self.config, folds)]

    @property
    def tunings(self) -> list[Job]:
        """The trials that come first, per model and fold."""
        return tuning_jobs(self.config, self.splits["fold"].n_unique())

    def run(self, job: Job) -> RunFolder:
        """The folder of a run."""
        return self.folder.run(job.model, job.seed, job.fold)


def prepare(
    config: ComparisonConfig,
    manifest: pl.DataFrame,
    folder: ComparisonFolder,
    cache: Path | None,
    skip_bad: bool,
) -> Prepared:
    """Check config, manifest and folder, split the tiles, decode them into the cache.

    Raises:
        UserError: anything wrong with them, the cheapest checks first.
    """
    splits = _splits(manifest, config)
    columns = list(dict.fromkeys([*PREDICTIONS, *manifest.columns]))
    require_columns_to_break_down(columns, config.score.by)
    known = refuse_other_settings(folder, config)
    if known:
        manifest = in_kept_order(manifest, folder)
        splits = _splits(manifest, config)
    how = config.decoding, config.square
    tiles = cached_tiles(manifest, config.size, cache, skip_bad, *how)
    if tiles.bad:
        manifest = manifest.filter(pl.col("tile_id").is_in(tiles.tile_ids))
        splits = _splits(manifest, config)
    if known:
        refuse_other_tiles(folder, manifest, splits, tiles.key)
    if config.endpoint == "score":
        note_absent_scores(splits, config.manifest)
    return Prepared(config, folder, manifest, splits, tiles, known)


def open_folder(prepared: Prepared) -> None:
    """Write the inputs of the comparison, unless the folder has them already."""
    folder, bad = prepared.folder, prepared.tiles.bad
    forget_damaged_checksums(folder)
    names = ("tile_id", "path", "reason", "row")
    first: dict[Path, Callable[[Path], None]] = {
        folder.manifest: partial(write_manifest, prepared.manifest),
        folder.splits: partial(write_table, prepared.splits),
        folder.tiles_key: partial(write_text, text=prepared.tiles.key),
    }
    if bad:
        table = pl.DataFrame(bad, schema=names, orient="row")
        first[folder.bad_tiles] = partial(write_table, table)
    kept = [path for path in first if prepared.known and is_kept(folder, path)]
    if prepared.known:
        for path in [path for path in first if path not in kept]:
            note(path, "damaged or missing: written again")
    if folder.manifest in kept and not read_manifest(folder.manifest).equals(prepared.manifest):
        kept.remove(folder.manifest)  # the same tiles, in another folder now
    for path in [path for path in first if path not in kept]:
        first[path](path)
    if not prepared.known or not _is_same(folder.config, prepared.config):
        write_text(folder.config, to_toml(prepared.config))  # last: the folder is complete
    folder.seal(*first, folder.config)


def _is_same(path: Path, config: ComparisonConfig) -> bool:
    return path.is_file() and path.read_bytes() == to_toml(config).encode()


def _splits(manifest: pl.DataFrame, config: ComparisonConfig) -> pl.DataFrame:
    target = targets(manifest, config.endpoint, config.manifest)
    require_both_classes(manifest, target, config.endpoint, config.manifest)
    if config.slide is not None:
        require_whole_slides(manifest.with_columns(target).drop("split", strict=False), "[slide]")
    splits = make_splits(manifest, target, config.split)
    if "val" not in set(splits["split"]):
        raise UserError(
            "split.validation",
            found="no validation tiles",
            expected="a share for validation: epochs and thresholds are chosen on it",
            hint="set split.validation = 0.2",
        )
    if config.tuning is not None and config.split.kind != "random-tiles":
        require_slides_to_tune_on(splits)
    return with_scores(splits, manifest) if config.endpoint == "score" else splits

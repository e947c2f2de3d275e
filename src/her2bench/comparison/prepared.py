"""A comparison made ready: everything checked, tiles cached, nothing yet trained or written."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import tomli_w
import torch

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.plan import Job, baseline_jobs, network_jobs
from her2bench.comparison.sides import Fold, fold_of
from her2bench.core.config import differences
from her2bench.core.errors import UserError
from her2bench.core.files import LOCK, TEMPORARY, reading
from her2bench.core.manifest import read_manifest, targets, write_manifest
from her2bench.core.runs import ComparisonFolder, RunFolder, write_text
from her2bench.core.tables import write_table
from her2bench.data.cache import Tiles, cached_tiles
from her2bench.data.splits import make_splits
from her2bench.prediction.feeding import Feed


@dataclass(frozen=True)
class Prepared:
    """What a comparison starts from; `manifest` holds the readable tiles only."""

    config: ComparisonConfig
    folder: ComparisonFolder
    manifest: pl.DataFrame
    splits: pl.DataFrame
    tiles: Tiles

    def folds(self, device: torch.device) -> dict[int, Fold]:
        """Each fold's number and its tiles, fed to a device."""
        numbers = self.splits["fold"].unique(maintain_order=True).to_list()
        feed, tile_ids = Feed(self.tiles.pixels, device), self.tiles.tile_ids
        return {number: fold_of(self.splits, number, feed, tile_ids) for number in numbers}

    @property
    def jobs(self) -> list[Job]:
        """All runs, in the order in which they are done."""
        folds = self.splits["fold"].n_unique()
        return [*baseline_jobs(self.config, folds), *network_jobs(self.config, folds)]

    def run(self, job: Job) -> RunFolder:
        """Where a run lies."""
        return self.folder.run(job.model, job.seed, job.fold)


def prepare(
    config: ComparisonConfig,
    manifest: pl.DataFrame,
    folder: ComparisonFolder,
    cache: Path | None,
    skip_bad: bool,
) -> Prepared:
    """Check config, manifest and folder, divide the tiles, decode them into the cache.

    Raises:
        UserError: anything wrong with them, the cheapest checks first.
    """
    splits = _splits(manifest, config)
    _same_settings(folder, config)
    tiles = cached_tiles(manifest, config.size, cache, skip_bad, config.decoding)
    if tiles.bad:
        manifest = manifest.filter(pl.col("tile_id").is_in(tiles.tile_ids))
        splits = _splits(manifest, config)
    _same_tiles(folder, manifest, splits, tiles.key)
    return Prepared(config, folder, manifest, splits, tiles)


def open_folder(prepared: Prepared) -> None:
    """Write what the comparison starts from, unless the folder holds it already."""
    folder = prepared.folder
    if folder.config.is_file():
        return
    write_manifest(prepared.manifest, folder.manifest)
    write_table(prepared.splits, folder.splits)
    if prepared.tiles.bad:
        names = ("tile_id", "path", "reason")
        write_table(pl.DataFrame(prepared.tiles.bad, schema=names, orient="row"), folder.bad_tiles)
    write_text(folder.tiles_key, prepared.tiles.key)
    write_text(folder.config, tomli_w.dumps(_settings(prepared.config)))  # last: now it is whole


def _splits(manifest: pl.DataFrame, config: ComparisonConfig) -> pl.DataFrame:
    target = targets(manifest, config.endpoint, config.manifest)
    splits = make_splits(manifest, target, config.split)
    if "val" not in set(splits["split"]):
        raise UserError(
            "split.validation",
            found="no validation tiles",
            expected="a share for validation: epochs and thresholds are chosen there",
            cure="set split.validation = 0.2",
        )
    return splits


def _settings(config: ComparisonConfig) -> dict:
    return config.model_dump(mode="json", exclude_none=True)


def _same_tiles(
    folder: ComparisonFolder, manifest: pl.DataFrame, splits: pl.DataFrame, key: str
) -> None:
    """Runs done before must have seen these very tiles, labels and pixels; paths may change."""
    if not folder.config.is_file():
        return
    with reading(folder.path):
        same = {
            "the split": pl.read_parquet(folder.splits).equals(splits),
            "the manifest": read_manifest(folder.manifest)
            .drop("path")
            .equals(manifest.drop("path")),
            "the images' content": folder.tiles_key.read_text(encoding="utf-8") == key,
        }
    changed = [name for name, unchanged in same.items() if not unchanged]
    if changed:
        raise UserError(
            folder.path,
            found=f"the folder belongs to other tiles: {' and '.join(changed)} changed since",
            cure="name another output with -o, or delete that folder",
        )


def _same_settings(folder: ComparisonFolder, config: ComparisonConfig) -> None:
    if not folder.config.is_file():
        _refuse_foreign(folder.path)
        return
    before = folder.settings()
    changed = differences(before, _settings(config))
    if changed:
        raise UserError(
            folder.path,
            found="the folder belongs to another config: " + "; ".join(changed),
            cure="name another output with -o, or delete that folder",
        )


def _refuse_foreign(path: Path) -> None:
    """A folder that holds something else is never written into."""
    if path.exists() and not path.is_dir():
        raise UserError(path, found="a file", expected="a folder", cure="name another with -o")
    folder = ComparisonFolder(path)
    ours = {LOCK, folder.random_tiles.path.name, *(p.name for p in folder.first_files)}
    inside = [p.name for p in path.iterdir()] if path.is_dir() else []
    foreign = [name for name in inside if name not in ours and not name.startswith(TEMPORARY)]
    if foreign:
        raise UserError(
            path,
            found=f"a folder with other files in it, such as {sorted(foreign)[0]!r}",
            expected="a new or empty folder, or one of the same comparison",
            cure="name another output with -o",
        )

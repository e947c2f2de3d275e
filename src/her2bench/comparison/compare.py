"""Everything: one config and one manifest → one comparison folder."""

import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import tomli_w
import torch

from her2bench.comparison.baselines import run_baseline
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.job import run_job
from her2bench.comparison.plan import Job, baseline_jobs, network_jobs
from her2bench.comparison.results import write_results
from her2bench.comparison.sides import Fold, fold_of
from her2bench.core.config import differences
from her2bench.core.errors import UserError
from her2bench.core.files import working_alone
from her2bench.core.manifest import read_manifest, targets, write_manifest
from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.core.tables import write_table
from her2bench.data.cache import Tiles, cached_tiles
from her2bench.data.splits import make_splits
from her2bench.models import check_model
from her2bench.prediction.device import choose_device
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Epoch


@dataclass(frozen=True)
class Choices:
    """What a user may choose anew each time without changing what is compared."""

    device: str = "auto"
    cache: Path | None = None
    skip_bad: bool = False


class Watcher:
    """Told how a comparison goes; this one says nothing."""

    def planned(self, jobs: list[Job], done: list[Job], epochs: dict[Job, int]) -> None:
        """All jobs, those done before, and the epochs of each."""

    def epoch(self, job: Job, row: Epoch) -> None:
        """An epoch of a job has ended."""


def compare(
    config: ComparisonConfig, out: Path, choices: Choices, watcher: Watcher
) -> ComparisonFolder:
    """Train and judge all models of a config, into one folder; what is done there is kept.

    Raises:
        UserError: anything wrong with config, manifest, images or folder; before any training.
    """
    for model in config.models:
        check_model(model, config.size)
    device = choose_device(choices.device)
    folder = ComparisonFolder(out)
    manifest = read_manifest(config.manifest)
    splits = _splits(manifest, config)
    _same_settings(folder, config)
    tiles = cached_tiles(manifest, config.size, choices.cache, choices.skip_bad)
    if tiles.bad:
        manifest = manifest.filter(pl.col("tile_id").is_in(tiles.tile_ids))
        splits = _splits(manifest, config)
    numbers = splits["fold"].unique(maintain_order=True).to_list()
    folds = {n: fold_of(splits, n, tiles.pixels, tiles.tile_ids) for n in numbers}
    jobs = [*baseline_jobs(config, len(folds)), *network_jobs(config, len(folds))]
    with working_alone(out):
        _open(folder, config, manifest, splits, tiles)
        _run_all(jobs, config, folder, folds, device, watcher)
        write_results(folder, config, jobs)
    return folder


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


def _run_all(
    jobs: list[Job],
    config: ComparisonConfig,
    folder: ComparisonFolder,
    folds: dict[int, Fold],
    device: torch.device,
    watcher: Watcher,
) -> None:
    done = [job for job in jobs if folder.run(job.model, job.seed, job.fold).done]
    watcher.planned(jobs, done, {job: _epochs(job, config) for job in jobs})
    for job in jobs:
        run = folder.run(job.model, job.seed, job.fold)
        if job in done:
            Checkpoint(run.unfinished).remove()  # there still, if killed just after DONE
            continue
        if job.model in config.baselines:
            run_baseline(job, config, folds[job.fold], run)
        else:
            run_job(job, config, folds[job.fold], run, device, partial(watcher.epoch, job))


def _epochs(job: Job, config: ComparisonConfig) -> int:
    if job.model in config.baselines:
        return 0
    return config.recipe.epochs * len(config.recipe.rates_for(job.model))


def _open(
    folder: ComparisonFolder,
    config: ComparisonConfig,
    manifest: pl.DataFrame,
    splits: pl.DataFrame,
    tiles: Tiles,
) -> None:
    """Write what a comparison starts from, or check that the folder started from the same."""
    if folder.config.is_file():
        _same_tiles(folder, manifest, splits)
        return
    write_manifest(manifest, folder.manifest)
    write_table(splits, folder.splits)
    if tiles.bad:
        names = ("tile_id", "path", "reason")
        write_table(pl.DataFrame(tiles.bad, schema=names, orient="row"), folder.bad_tiles)
    write_text(folder.config, tomli_w.dumps(_settings(config)))  # last: the folder is whole


def _settings(config: ComparisonConfig) -> dict:
    return config.model_dump(mode="json", exclude_none=True)


def _same_settings(folder: ComparisonFolder, config: ComparisonConfig) -> None:
    if not folder.config.is_file():
        return
    before = tomllib.loads(folder.config.read_text(encoding="utf-8"))
    changed = differences(before, _settings(config))
    if changed:
        raise UserError(
            folder.path,
            found="the folder belongs to another config: " + "; ".join(changed),
            cure="name another output with -o, or delete that folder",
        )


def _same_tiles(folder: ComparisonFolder, manifest: pl.DataFrame, splits: pl.DataFrame) -> None:
    before = pl.read_parquet(folder.splits)
    if not before.equals(splits):
        raise UserError(
            folder.path,
            found="the folder belongs to other tiles or labels: its splits.parquet differs "
            f"({before.height} rows there, {splits.height} from {manifest.height} tiles now)",
            cure="name another output with -o, or delete that folder",
        )

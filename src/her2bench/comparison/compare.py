"""Everything: one config and one manifest → one comparison folder."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from her2bench.comparison.ahead import AT_ONCE, train_ahead
from her2bench.comparison.auditing import audit_comparison
from her2bench.comparison.baselines import run_baseline
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.finished import undo_damaged
from her2bench.comparison.folds import Fold
from her2bench.comparison.learning_rate_search import Trials
from her2bench.comparison.optimism import with_random_tiles
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import Prepared, open_folder, prepare
from her2bench.comparison.results import write_results
from her2bench.comparison.run_job import preparation, run_job
from her2bench.core.atomic_io import working_alone
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.data.tile_cache.cached_tiles import cache_folder
from her2bench.models import build_model, check_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.device import choose_device, ready_cpu
from her2bench.training.autotune import Trial, chosen_compute, pays_together
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epochs import Epoch
from her2bench.training.together import can_be_stacked

TOGETHER = ("auto", "on", "off")


@dataclass(frozen=True)
class Choices:
    """What a user may choose anew each time without changing what is compared.

    `optimism` trains everything once more on random tiles, to say how much that would flatter;
    `self_test` tries which way of computing each network is the fastest here; `together` trains
    the seeds of a network at once where that is possible (`on`), or where it also pays (`auto`);
    `audit` looks first for what in the data would fool the comparison.
    """

    device: str = "auto"
    cache: Path | None = None
    skip_bad: bool = False
    optimism: bool = False
    self_test: bool = True
    together: str = "auto"
    audit: bool = True

    @property
    def record(self) -> Path:
        """Where the self-test's findings are kept."""
        return (self.cache or cache_folder()) / "compute.json"


class Watcher:
    """Told how a comparison goes; this one says nothing."""

    def planned(self, epochs: int) -> None:
        """How many epochs there are in all runs together."""

    def epoch(self, job: Job, row: Epoch) -> None:
        """An epoch of a job has ended, now or before a stop."""

    def skipped(self, epochs: int) -> None:
        """A run was done before."""


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
    if choices.together not in TOGETHER:
        expected = f"one of {', '.join(TOGETHER)}"
        raise UserError("--together", found=repr(choices.together), expected=expected)
    folder, manifest = ComparisonFolder(out), read_manifest(config.manifest)
    wanted = [(config, manifest, folder)]
    if choices.optimism:  # first, so that the folder's own results can tell of it
        wanted.insert(0, (*with_random_tiles(config, manifest), folder.random_tiles))
    parts = [prepare(*part, choices.cache, choices.skip_bad) for part in wanted]
    with ExitStack() as alone:
        for part in reversed(parts):
            alone.enter_context(working_alone(part.folder.path))
            open_folder(part)
        if choices.audit:
            audit_comparison(parts[-1], choices.cache)
        watcher.planned(sum(_epochs(job, part.config) for part in parts for job in part.jobs))
        ready_cpu()
        for part in parts:
            _run(part, device, choices, watcher)
            write_results(part, device)
    return folder


def _run(part: Prepared, device: torch.device, choices: Choices, watcher: Watcher) -> None:
    folds, on_epoch = part.folds(device), _once_each(watcher)
    undo_damaged(part, folds)
    groups = _groups(part)
    for job in part.jobs:
        run = part.run(job)
        if run.done:
            Checkpoint(run.unfinished).remove()  # there still, if killed just after DONE
            watcher.skipped(_epochs(job, part.config))
        elif job.model in part.config.baselines:
            run_baseline(job, part.config, folds[job.fold], run)
        else:
            fold = folds[job.fold]
            compute = _compute(job, part, fold, choices)
            group = groups.pop((job.model, job.fold), [])
            if _together(group, part, fold, choices, compute):
                prepare = preparation(part.config, fold)
                runs = [Trials(j, part.config, fold, part.run(j), prepare, compute) for j in group]
                train_ahead(runs, on_epoch)
            run_job(job, part.config, fold, run, compute, partial(on_epoch, job))


def _groups(part: Prepared) -> dict[tuple[str, int], list[Job]]:
    """The networks' jobs still to do, by model and fold: they differ by the seed alone."""
    groups: dict[tuple[str, int], list[Job]] = {}
    for job in part.jobs:
        if job.model not in part.config.baselines and not part.run(job).done:
            groups.setdefault((job.model, job.fold), []).append(job)
    return groups


def _together(
    group: list[Job], part: Prepared, fold: Fold, choices: Choices, compute: Compute
) -> bool:
    """Whether to train the seeds of a group at once."""
    if choices.together == "off" or len(group) < 2:
        return False
    with torch.device("meta"):
        model = build_model(group[0].model, part.config.size)
    if not can_be_stacked(model, part.config.precision):
        return False
    if choices.together == "on":
        return True
    if fold.tiles.device.type != "cuda" or not choices.self_test:
        return False  # a processor is kept busy by one network
    seeds, steps = min(len(group), AT_ONCE), _steps(group[0], part, fold)
    return pays_together(_trial(group[0], part, fold), compute, seeds, steps, choices.record)


def _compute(job: Job, part: Prepared, fold: Fold, choices: Choices) -> Compute:
    """How to compute the job's network on this machine."""
    if not choices.self_test:
        return PLAIN
    return chosen_compute(_trial(job, part, fold), _steps(job, part, fold), choices.record)


def _trial(job: Job, part: Prepared, fold: Fold) -> Trial:
    config = part.config
    return Trial(job.model, config.size, config.recipe.batch, fold.tiles.device, config.precision)


def _steps(job: Job, part: Prepared, fold: Fold) -> int:
    """The training steps of all runs of a job's network."""
    runs = sum(other.model == job.model for other in part.jobs)
    batches = math.ceil(len(fold.side("train").rows) / part.config.recipe.batch)
    return runs * _epochs(job, part.config) * batches


def _once_each(watcher: Watcher) -> Callable[[Job, Epoch], None]:
    """Tell of each epoch once, though a run finds those that were trained ahead of it again."""
    told = set[tuple[Job, float, float]]()

    def on_epoch(job: Job, row: Epoch) -> None:
        key = (job, row["learning_rate"], row["epoch"])
        if key not in told:
            told.add(key)
            watcher.epoch(job, row)

    return on_epoch


def _epochs(job: Job, config: ComparisonConfig) -> int:
    if job.model in config.baselines:
        return 0
    return config.recipe.epochs * len(config.recipe.rates_for(job.model))

"""Everything: one config and one manifest → one comparison folder."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from her2bench.comparison.auditing import run_audit
from her2bench.comparison.baselines import run_baseline
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.job import run_job
from her2bench.comparison.optimism import with_random_tiles
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import Prepared, open_folder, prepare
from her2bench.comparison.results import write_results
from her2bench.core.files import working_alone
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.models import check_model
from her2bench.prediction.device import choose_device
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.loop import Epoch


@dataclass(frozen=True)
class Choices:
    """What a user may choose anew each time without changing what is compared.

    `optimism` trains everything once more on random tiles, to say how much that would flatter;
    `audit` looks for what in the data would fool the comparison.
    """

    device: str = "auto"
    cache: Path | None = None
    skip_bad: bool = False
    optimism: bool = False
    audit: bool = True


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
            run_audit(parts[-1], choices.cache)
        watcher.planned(sum(_epochs(job, part.config) for part in parts for job in part.jobs))
        for part in parts:
            _run(part, device, watcher)
            write_results(part, device)
    return folder


def _run(part: Prepared, device: torch.device, watcher: Watcher) -> None:
    folds = part.folds
    for job in part.jobs:
        run = part.folder.run(job.model, job.seed, job.fold)
        if run.done:
            Checkpoint(run.unfinished).remove()  # there still, if killed just after DONE
            watcher.skipped(_epochs(job, part.config))
        elif job.model in part.config.baselines:
            run_baseline(job, part.config, folds[job.fold], run)
        else:
            run_job(job, part.config, folds[job.fold], run, device, partial(watcher.epoch, job))


def _epochs(job: Job, config: ComparisonConfig) -> int:
    if job.model in config.baselines:
        return 0
    return config.recipe.epochs * len(config.recipe.rates_for(job.model))

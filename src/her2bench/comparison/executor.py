"""The jobs of a comparison, run one after the other in this process."""

import math
from collections.abc import Callable
from functools import partial

import torch

from her2bench.comparison.ahead import AT_ONCE, train_ahead
from her2bench.comparison.finished import undo_damaged
from her2bench.comparison.folds import Fold
from her2bench.comparison.jobs import run_baseline, run_job
from her2bench.comparison.learning_rate_search import Trials
from her2bench.comparison.plan import Choices, Job, Watcher
from her2bench.comparison.prepared import Prepared
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training.autotune import Trial, chosen_compute, pays_together
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epochs import Epoch
from her2bench.training.together import can_be_stacked


def run_jobs(part: Prepared, device: torch.device, choices: Choices, watcher: Watcher) -> None:
    """Run every job of a comparison that is not done yet."""
    folds, on_epoch = part.folds(device), _once_each(watcher)
    undo_damaged(part, folds)
    groups = _groups(part)
    for job in part.jobs:
        run = part.run(job)
        if run.done:
            Checkpoint(run.unfinished).remove()  # there still, if killed just after DONE
            watcher.skipped(part.config.epochs(job.model))
        elif job.model in part.config.baselines:
            run_baseline(job, part.config, folds[job.fold], run)
        else:
            fold = folds[job.fold]
            compute = _compute(job, part, fold, choices)
            group = groups.pop((job.model, job.fold), [])
            if _together(group, part, fold, choices, compute):
                runs = [Trials(j, part.config, fold, part.run(j), compute) for j in group]
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
    return runs * part.config.epochs(job.model) * batches


def _once_each(watcher: Watcher) -> Callable[[Job, Epoch], None]:
    """Tell of each epoch once, though a run finds those that were trained ahead of it again."""
    told = set[tuple[Job, float, float]]()

    def on_epoch(job: Job, row: Epoch) -> None:
        key = (job, row["learning_rate"], row["epoch"])
        if key not in told:
            told.add(key)
            watcher.epoch(job, row)

    return on_epoch

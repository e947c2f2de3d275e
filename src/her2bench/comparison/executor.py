"""The jobs of a comparison, run one after the other in this process."""

import math
from functools import partial

import torch

from her2bench.comparison.finished import undo_damaged, undo_otherwise_tuned
from her2bench.comparison.folds import Fold
from her2bench.comparison.frozen import run_frozen
from her2bench.comparison.jobs import run_baseline, run_job, validation_auc
from her2bench.comparison.plan import Choices, Job
from her2bench.comparison.prepared import Prepared
from her2bench.comparison.tuning import tune_models
from her2bench.comparison.watcher import Watcher
from her2bench.core.score_parts import TunedModel
from her2bench.data.tile_cache.cached_tiles import cache_folder
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training.autotune import Trial, chosen_compute
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import Listener


def run_jobs(
    part: Prepared, device: torch.device, choices: Choices, watcher: Watcher
) -> list[TunedModel]:
    """Tune every model, and run every job of a comparison that is not done yet.

    Returns:
        What the tuning chose, per model and fold; empty without tuning.
    """
    folds, cache = part.folds(device), choices.cache or cache_folder()
    undo_damaged(part, folds)
    compute = partial(_compute, part=part, choices=choices)
    tuned = tune_models(part, folds, compute, cache, watcher)
    undo_otherwise_tuned(part, tuned)
    done = [job for job in part.jobs if part.run(job).done]
    for job in done:
        Checkpoint(part.run(job).unfinished).remove()  # left over if killed just after DONE
        watcher.skipped(job)
    for job in (job for job in part.jobs if job not in done):
        run, fold, values = part.run(job), folds[job.fold], tuned.get((job.model, job.fold))
        watcher.started(job)
        if job.model in part.config.baselines:
            run_baseline(job, part.config, fold, run, values)
        elif part.config.options(job.model).training == "frozen":
            run_frozen(job, part.config, fold, run, PLAIN, cache, values)
        else:
            listener = Listener(partial(watcher.epoch, job), watcher.trained)
            run_job(job, part.config, fold, run, compute(job, fold), listener, values)
        watcher.finished(job, validation_auc(run))
    return list(tuned.values())


def planned_epochs(part: Prepared) -> list[tuple[Job, int]]:
    """All tunings and runs of a comparison, and the epochs of each, where they are known."""
    config = part.config
    trials = (config.tuning and config.tuning.trials) or 0
    tunings = [(job, trials * config.epochs(job.model)) for job in part.tunings]
    return [*tunings, *((job, config.epochs(job.model)) for job in part.jobs)]


def _compute(job: Job, fold: Fold, part: Prepared, choices: Choices) -> Compute:
    """How to compute the job's network on this machine."""
    if not choices.self_test:
        return PLAIN
    config, device = part.config, fold.tiles.device
    trial = Trial(
        job.model, config.size, config.recipe_for(job.model).batch, device, config.precision
    )
    return chosen_compute(trial, _steps(job, part, fold), choices.record)


def _steps(job: Job, part: Prepared, fold: Fold) -> int:
    """The training steps of all runs of a job's network."""
    runs = sum(other.model == job.model for other in part.jobs)
    batch = part.config.recipe_for(job.model).batch
    batches = math.ceil(len(fold.side("train").rows) / batch)
    return runs * part.config.epochs(job.model) * batches

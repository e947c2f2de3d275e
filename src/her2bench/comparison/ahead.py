"""The trainings of several seeds done at once, ahead of their runs."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

import torch

from her2bench.comparison.learning_rate_search import Trials
from her2bench.comparison.plan import Job
from her2bench.core.machine import peak_memory
from her2bench.prediction.device import device_memory
from her2bench.training.epochs import Epoch
from her2bench.training.together import fit_together

AT_ONCE = 8  # more fill no device any better, and each takes its share of memory


def train_ahead(runs: Sequence[Trials], on_epoch: Callable[[Job, Epoch], None]) -> None:
    """Train networks of several runs together; each run then finds its own in its folder.

    What a run has begun by itself it ends by itself. After a stop, trainings that had ended are
    found again, and the others start anew, in a smaller group or alone.

    Args:
        runs: alike but for the seed, on the same fold.
        on_epoch: told of each epoch and whose it is.
    """
    for rate in runs[0].config.recipe.rates_for(runs[0].job.model):
        fresh = [run for run in runs if not run.checkpoint(rate).begun]
        for start in range(0, len(fresh), AT_ONCE):
            _train(fresh[start : start + AT_ONCE], rate, on_epoch)


def _train(runs: Sequence[Trials], rate: float, on_epoch: Callable[[Job, Epoch], None]) -> None:
    """Train a group, or its halves where memory is short; one alone is left to its run."""
    if len(runs) < 2:
        return
    try:
        _train_at_once(runs, rate, on_epoch)
        return
    except torch.OutOfMemoryError:
        half = len(runs) // 2
    _train(runs[:half], rate, on_epoch)
    _train(runs[half:], rate, on_epoch)


def _train_at_once(
    runs: Sequence[Trials], rate: float, on_epoch: Callable[[Job, Epoch], None]
) -> None:
    first = runs[0]
    with peak_memory() as held, device_memory(first.fold.tiles.device) as held_there:
        courses = [run.course(rate, partial(on_epoch, run.job)) for run in runs]
        sides = first.fold.side("train"), first.fold.side("val")
        fits = fit_together(first.fabric, courses, *sides)
    for course, fitted in zip(courses, fits, strict=True):
        fitted = replace(fitted, memory=held.bytes, device_memory=held_there.bytes)
        course.checkpoint.keep(course.model, asdict(fitted))

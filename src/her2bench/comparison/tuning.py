"""Tuning: every model has the same budget of trials, on each fold's validation slides."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.comparison.folds import Fold
from her2bench.comparison.frozen import FrozenNetwork
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import Prepared
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.comparison.watcher import Watcher
from her2bench.core.score_parts import TunedModel
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training.tuning_settings import values_of

if TYPE_CHECKING:
    from her2bench.comparison.trials import Trial

UNTUNED_STRENGTH = 1.0
"""scikit-learn's default C."""
Tuned = dict[tuple[str, int], TunedModel]
"""Model and fold → what its trials chose."""


def tune_models(
    part: Prepared,
    folds: dict[int, Fold],
    compute: Callable[[Job, Fold], Compute],
    cache: Path,
    watcher: Watcher,
) -> Tuned:
    """What the trials of every model and fold chose; those that are missing are made.

    Args:
        part: the comparison; without `[tuning]` there is nothing to tune.
        folds: all of them.
        compute: how a job's network is computed on this machine.
        cache: where features of frozen networks are kept.
        watcher: notified of each tuning and trial.

    Raises:
        UserError: a file of trials is damaged or of another study.
    """
    found: Tuned = {}
    for job in part.tunings:
        fold = folds[job.fold]
        one = Tuning(job, part, without_test(fold), partial(compute, job, fold), cache, watcher)
        found[job.model, job.fold] = one.result()
    return found


def without_test(fold: Fold) -> Fold:
    """A fold with its training and validation tiles alone: trials cannot see a test tile."""
    return replace(fold, table=fold.table.filter(pl.col("split") != "test"))


@dataclass(frozen=True)
class Tuning:
    """The trials of one model on one fold, which has no test tiles."""

    job: Job
    part: Prepared
    fold: Fold
    compute: Callable[[], Compute]
    cache: Path
    watcher: Watcher

    @property
    def config(self) -> ComparisonConfig:
        return self.part.config

    @property
    def kept(self) -> TuningFolder:
        """Where the trials are."""
        return TuningFolder.of(self.part.folder, self.job.model, self.job.fold)

    @property
    def regression(self) -> bool:
        """Whether a logistic regression is tuned, not the training of a network."""
        model, config = self.job.model, self.config
        return model in config.baselines or config.options(model).training == "frozen"

    @property
    def study(self) -> str:
        """The name of the study: model, fold, and a key of what else matters."""
        model, settings = self.job.model, self.config.model_dump(mode="json", exclude_none=True)
        key = content_key([trained_by(settings, [model]), self.fold.content])
        return f"{model} fold {self.job.fold} {key}"

    def result(self) -> TunedModel:
        """What the trials chose; those that are missing are made first."""
        known = self.kept.read(self.study)
        self.kept.check_trials(self.study)
        if known is not None:
            self.watcher.skipped(self.job)
            return known
        self.watcher.started(self.job)
        tuned = self._made()
        self.kept.write(self.study, tuned)
        self.kept.forget_trials()
        self.watcher.finished(self.job, None)
        return tuned

    def _made(self) -> TunedModel:
        from her2bench.comparison.trials import Space, opened_trials  # Optuna is an extra

        config, model = self.config, self.job.model
        budget = config.tuning
        assert budget is not None  # no job of a tuning otherwise
        recipe, space = config.recipe_for(model), config.space_for(model)
        ranges = space.of_regression if self.regression else space.of_recipe
        untuned = {"regularisation": UNTUNED_STRENGTH}
        if not self.regression:
            untuned = values_of(recipe, model, list(ranges))
        whole = max(1, round(recipe.warmup), recipe.epochs // 4)
        about = self.kept, Space(self.study, ranges, untuned), budget, self.job.seed, whole
        with opened_trials(*about) as trials:
            if budget.trials is not None:
                self.watcher.left_out(self.job, len(trials.ended) * config.epochs(model))
            objective = self._objective(trials.seed)
            trials.make(objective, lambda n: self.watcher.trial(self.job, n + 1, budget.trials))
            return trials.chosen(model, self.job.fold, self.kept.path)

    def _objective(self, seed: int) -> "Callable[[Trial], float]":
        from her2bench.comparison.objectives import (
            NetworkTrials,
            RegressionTrials,
            baseline_loss,
            head_loss,
        )

        config, job = self.config, replace(self.job, seed=seed)
        if job.model in config.baselines:
            return RegressionTrials(baseline_loss(job.model, config.endpoint, self.fold))
        if self.regression:
            frozen = FrozenNetwork(job, config, self.fold, PLAIN, self.cache)
            return RegressionTrials(head_loss(frozen.heads))
        return NetworkTrials(job, config, self.fold, self.kept, self.compute(), self.watcher)

"""What a trial trains: a network, the head of a frozen one, or a baseline."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.learning_rate_search import LearningRateSearch
from her2bench.comparison.linear_heads import LinearHeads, mean_loss
from her2bench.comparison.plan import Job
from her2bench.comparison.trials import Trial
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.comparison.watcher import Watcher
from her2bench.models.baselines.registry import baseline
from her2bench.prediction.compute import Compute
from her2bench.training.epochs import DivergenceError, Epoch
from her2bench.training.listener import Listener


@dataclass(frozen=True)
class NetworkTrials:
    """Trainings of a network as any other, on a fold without test tiles."""

    job: Job
    config: ComparisonConfig
    fold: Fold
    kept: TuningFolder
    compute: Compute
    watcher: Watcher

    def __call__(self, trial: Trial) -> float:
        """Train with the values of a trial.

        Raises:
            Stopped: the trial ends early.
            DivergenceError: its loss is not finite.
        """
        self.kept.forget_trials(but=trial.number)
        run, trained, last = self.kept.trial(trial.number), list[Epoch](), time.perf_counter()
        search = LearningRateSearch(
            self.job, self.config, self.fold, run, self.compute, trial.values
        )
        planned = search.recipe.epochs

        def epoch(row: Epoch) -> None:
            nonlocal last
            trained.append(row)
            last = time.perf_counter()
            if self._counted:
                self.watcher.epoch(self.job, row)
            trial.epoch(len(trained), row["val_loss"], row["seconds"], len(trained) == planned)

        listener = Listener(epoch, self.watcher.trained) if self._counted else Listener(epoch)
        try:
            fitted, _ = search.fit(search.rates[0], listener)
            return fitted.validation_loss
        except DivergenceError:
            trial.seconds += time.perf_counter() - last
            raise
        finally:
            if self._counted and len(trained) < planned:
                self.watcher.left_out(self.job, planned - len(trained))

    @property
    def _counted(self) -> bool:
        """Whether the number of epochs is known beforehand, for a bar."""
        return self.config.tuning is not None and self.config.tuning.trials is not None


@dataclass(frozen=True)
class RegressionTrials:
    """Logistic regressions; `loss` gives the validation loss of a strength."""

    loss: Callable[[float], float]

    def __call__(self, trial: Trial) -> float:
        """Fit with the value of a trial."""
        start = time.perf_counter()
        loss = self.loss(trial.values["regularisation"])
        trial.seconds += time.perf_counter() - start
        return loss


def head_loss(heads: LinearHeads) -> Callable[[float], float]:
    """Strength → the validation loss of a frozen network's head."""
    return lambda strength: heads.loss(heads.regression(strength))


def baseline_loss(model: str, endpoint: str, fold: Fold) -> Callable[[float], float]:
    """Strength → the validation loss of a baseline; the tiles are measured once."""
    known, train, validation = baseline(model), fold.side("train"), fold.side("val")
    measured, judged = (
        known.measure(fold.tiles.pixels[side.rows]).astype(np.float64)
        for side in (train, validation)
    )

    def loss(strength: float) -> float:
        fitted = known.fitting(endpoint, strength)(measured, train.classes)
        return mean_loss(fitted.logits(judged), validation, (1.0, 1.0, 1.0, 1.0))

    return loss

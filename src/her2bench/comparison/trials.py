"""The trials of one model on one fold: an Optuna study in a file, which goes on after a kill."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.core.atomic_io import replacing
from her2bench.core.errors import UserError
from her2bench.core.score_parts import TunedModel
from her2bench.training.epochs import DivergenceError
from her2bench.training.tuning_settings import Range, TuningSettings, Values, is_logarithmic

AT_RANDOM = 4
"""Trials before the sampler goes by their losses; the first of them has the recipe's values."""
BEFORE_PRUNING = 3
"""Whole trials before any is stopped early."""
MOST_OF_ONE = 50
"""Trials within seconds of a model with one setting: more would find nothing new."""
SECONDS = "seconds"


@dataclass(frozen=True)
class Space:
    """What is tuned: ranges, the values of the untuned recipe, and a name of all that matters."""

    study: str
    ranges: dict[str, Range]
    untuned: Values

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The ranges as Optuna takes them."""
        return {name: _distribution(name, ends) for name, ends in self.ranges.items()}

    @property
    def first(self) -> Values:
        """The untuned values that lie within their ranges: those of the first trial."""
        ends = self.ranges
        return {n: v for n, v in self.untuned.items() if ends[n][0] <= v <= ends[n][1]}


class Stopped(Exception):
    """A trial ends early; it counts."""


@dataclass
class Trial:
    """One trial in progress; `number` counts those that ended before it."""

    number: int
    values: Values
    stops: Callable[[int, float, float], bool]
    seconds: float = 0.0

    def epoch(self, number: int, loss: float, seconds: float, last: bool = True) -> None:
        """Report the validation loss of an epoch.

        Raises:
            Stopped: the trial is to end here; never after its last epoch, which is paid for.
        """
        self.seconds += seconds
        if self.stops(number, loss, self.seconds) and not last:
            raise Stopped


Objective = Callable[[Trial], float]
"""Train with a trial's values, report its epochs, and return the validation loss."""


@dataclass(frozen=True)
class Trials:
    """A study, opened by `opened_trials`."""

    study: optuna.Study
    space: Space
    budget: TuningSettings
    before_pruning: int

    @property
    def seed(self) -> int:
        """The seed that the study began with: seeds of a comparison may change later."""
        return int(self.study.user_attrs["seed"])

    @property
    def ended(self) -> list[FrozenTrial]:
        """The trials that count: whole or stopped early, not those that were killed."""
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        return self.study.get_trials(deepcopy=False, states=states)

    @property
    def seconds(self) -> float:
        """The training time of all trials."""
        return sum(each.user_attrs[SECONDS] for each in self.ended)

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        made, most = len(self.ended), self.budget.trials
        if self.budget.seconds is None:
            return most is not None and made >= most
        single = len(self.space.ranges) == 1 and "regularisation" in self.space.ranges
        return self.seconds >= self.budget.seconds or (single and made >= MOST_OF_ONE)

    def make(self, objective: Objective, begins: Callable[[int], None]) -> None:
        """Make the trials that are missing; one that a kill stopped is made again."""
        for each in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.study.tell(each.number, state=TrialState.FAIL)
        while not self.over:
            number = len(self.ended)
            begins(number)
            self._make(number, objective)

    def _make(self, number: int, objective: Objective) -> None:
        self.study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=AT_RANDOM, seed=_seed_of(self.seed, number)
        )
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if number == 0 and self.space.first and not waiting:
            self.study.enqueue_trial(self.space.first)
        asked = self.study.ask(self.space.distributions)
        trial = Trial(number, dict(asked.params), partial(self._stops, asked, self.seconds))
        loss, state = None, TrialState.PRUNED
        with suppress(Stopped, DivergenceError):
            loss, state = objective(trial), TrialState.COMPLETE
        asked.set_user_attr(SECONDS, trial.seconds)
        self.study.tell(asked, loss, state=state)

    def _stops(
        self, asked: optuna.Trial, before: float, epoch: int, loss: float, seconds: float
    ) -> bool:
        asked.report(loss, epoch)
        limit = self.budget.seconds
        if limit is not None and before > 0 and before + seconds >= limit:
            return True
        return self.budget.pruning and epoch > self.before_pruning and asked.should_prune()

    def chosen(self, model: str, fold: int, where: Path) -> TunedModel:
        """The values with the least validation loss.

        Raises:
            UserError: no trial was finished.
        """
        ended = self.ended
        whole = [each for each in ended if each.state == TrialState.COMPLETE]
        if not whole:
            raise UserError(
                where,
                found=f"all {len(ended)} trials of {model} on fold {fold} diverged: their loss is "
                "not finite",
                hint="lower the ranges of its space, such as learning_rate, and name another "
                "output with -o",
            )
        best = min(whole, key=lambda each: each.value or 0.0)
        loss, made = float(best.value or 0.0), len(ended)
        ranges = {
            name: (float(low), float(high)) for name, (low, high) in self.space.ranges.items()
        }
        stopped = made - len(whole)
        return TunedModel(model, fold, made, stopped, self.seconds, loss, best.params, ranges)


@contextmanager
def opened_trials(
    folder: TuningFolder, space: Space, budget: TuningSettings, seed: int, before_pruning: int
) -> Iterator[Trials]:
    """The study of a folder, made if there is none.

    Args:
        folder: of a model and fold.
        space: what is tuned.
        budget: how many trials there are.
        seed: of the networks and of the draws, where the study is new.
        before_pruning: epochs of each trial that are never cut.

    Raises:
        UserError: the file is damaged or of another study.
    """
    folder.check_trials(space.study)
    if not folder.trials.exists():
        with replacing(folder.trials) as temporary, _storage(temporary, safe=False) as storage:
            new = optuna.create_study(storage=storage, study_name=space.study)
            new.set_user_attr("seed", seed)
    pruner = optuna.pruners.MedianPruner(BEFORE_PRUNING) if budget.pruning else None
    with _storage(folder.trials) as storage:
        study = optuna.load_study(study_name=space.study, storage=storage, pruner=pruner)
        yield Trials(study, space, budget, before_pruning)


@contextmanager
def _storage(path: Path, safe: bool = True) -> Iterator[optuna.storages.RDBStorage]:
    """A file of studies; `safe`: each change is on the disk before the next."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        if not safe:
            connection.execute("PRAGMA synchronous = OFF")
        return connection

    # A function in place of an address: a path may hold what has a meaning in addresses.
    storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": connect})
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a line for each study otherwise
    try:
        yield storage
    finally:
        optuna.logging.set_verbosity(verbosity)
        storage.remove_session()
        storage.engine.dispose()


def _distribution(name: str, ends: Range) -> BaseDistribution:
    low, high = ends
    log = is_logarithmic(ends)
    if name == "batch":
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _seed_of(seed: int, number: int) -> int:
    """Each trial has its own seed, so that a study that goes on draws as one in one piece."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])

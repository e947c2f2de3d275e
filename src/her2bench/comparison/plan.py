"""What is to be run: models x seeds x folds, baselines x folds; and how, as the user chooses."""

from dataclasses import dataclass
from pathlib import Path

from her2bench.comparison.config import ComparisonConfig
from her2bench.data.tile_cache.cached_tiles import cache_folder
from her2bench.training.epochs import Epoch


@dataclass(frozen=True)
class Job:
    """One run: a model (or baseline) with a seed on a fold."""

    model: str
    seed: int
    fold: int

    def __str__(self) -> str:
        return f"{self.model} seed {self.seed} fold {self.fold}"


def baseline_jobs(config: ComparisonConfig, folds: int) -> list[Job]:
    """The baselines' runs; nothing in them is random, so seed 0 alone."""
    return [Job(name, 0, fold) for name in config.baselines for fold in range(folds)]


def network_jobs(config: ComparisonConfig, folds: int) -> list[Job]:
    """The networks' runs, seed by seed, so that a first comparison of all models comes early."""
    return [
        Job(model, seed, fold)
        for seed in config.seeds
        for fold in range(folds)
        for model in config.names
    ]


@dataclass(frozen=True)
class Choices:
    """What a user may choose anew each time without changing what is compared.

    `optimism` trains everything once more on random tiles, to say how much that would flatter;
    `self_test` tries which way of computing each network is the fastest here; `audit` looks first
    for what in the data would fool the comparison.
    """

    device: str = "auto"
    cache: Path | None = None
    skip_bad: bool = False
    optimism: bool = False
    self_test: bool = True
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

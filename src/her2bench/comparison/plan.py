"""The jobs: models x seeds x folds and baselines x folds; and options of a run."""

from dataclasses import dataclass
from pathlib import Path

from her2bench.comparison.config import ComparisonConfig
from her2bench.data.tile_cache.cached_tiles import cache_folder
from her2bench.models.baselines.registry import baseline


@dataclass(frozen=True)
class Job:
    """One run: a model (or baseline) with a seed on a fold."""

    model: str
    seed: int
    fold: int

    @property
    def detail(self) -> str:
        """Which run of its model it is."""
        return f"seed {self.seed} fold {self.fold}"

    def __str__(self) -> str:
        return f"{self.model} {self.detail}"


@dataclass(frozen=True)
class TuningJob(Job):
    """The trials of one model on one fold, trained with one seed."""

    @property
    def detail(self) -> str:
        return f"tuning fold {self.fold}"


def baseline_jobs(config: ComparisonConfig, folds: int) -> list[Job]:
    """The baselines' runs; deterministic, so only seed 0."""
    return [Job(name, 0, fold) for name in config.baselines for fold in range(folds)]


def network_jobs(config: ComparisonConfig, folds: int) -> list[Job]:
    """The networks' runs, seed by seed, so that all models have results early."""
    return [
        Job(model, seed, fold)
        for seed in config.seeds
        for fold in range(folds)
        for model in config.names
    ]


def tuning_jobs(config: ComparisonConfig, folds: int) -> list[Job]:
    """The trials of every model that has something to tune; none without `[tuning]`."""
    if config.tuning is None:
        return []
    baselines = [name for name in config.baselines if baseline(name).tunable(config.endpoint)]
    first = dict.fromkeys(config.names, config.seeds[0]) | dict.fromkeys(baselines, 0)
    return [TuningJob(name, first[name], n) for n in range(folds) for name in first]


@dataclass(frozen=True)
class Choices:
    """Options that may change between calls without changing the comparison.

    `optimism` repeats the training with a random tile split and reports the optimism; `self_test`
    chooses the fastest way to compute each network; `audit` runs the data quality checks first;
    `strict` stops after them if a finding is serious.
    """

    device: str = "auto"
    cache: Path | None = None
    skip_bad: bool = False
    optimism: bool = False
    self_test: bool = True
    audit: bool = True
    strict: bool = False

    @property
    def record(self) -> Path:
        """Where the self-test's findings are kept."""
        return (self.cache or cache_folder()) / "compute.json"

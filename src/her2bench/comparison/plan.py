"""What is to be run: models x seeds x folds, baselines x folds."""

from dataclasses import dataclass

from her2bench.comparison.config import ComparisonConfig


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
        for model in config.models
    ]

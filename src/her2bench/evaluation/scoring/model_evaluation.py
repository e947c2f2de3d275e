"""Models scored on one split: panel, estimates and bootstrap replicates of each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap
from her2bench.evaluation.statistics.estimates import Estimate, estimate
from her2bench.evaluation.statistics.metrics import METRICS, names_of

MANY_TILES = 100_000  # beyond this a bootstrap takes minutes and linearised intervals agree


@dataclass(frozen=True)
class ModelEvaluation:
    """One model on one split: its panel, its estimates, its bootstrap replicates.

    `ensemble`: whether it is derived from other models.
    """

    name: str
    panel: Panel
    estimates: dict[str, Estimate]
    replicates: dict[str, Floats]
    ensemble: bool = False


def judge(
    table: pl.DataFrame, split: str, settings: ScoreSettings, ensembles: Collection[str] = ()
) -> dict[str, ModelEvaluation]:
    """Estimate all metrics of all models on one split, bootstrapped with the same draws."""
    models = table["model"].unique(maintain_order=True).to_list()
    panels = {m: make_panel(table.filter(pl.col("model") == m), m, split) for m in models}
    return {
        name: ModelEvaluation(
            name,
            panel,
            {
                metric: estimate(metric, panel.sample, panel.answers, settings.bins)
                for metric in metrics_of(panel)
            },
            replicates(panel, settings, metrics_of(panel)),
            name in ensembles,
        )
        for name, panel in panels.items()
    }


def metrics_of(panel: Panel) -> tuple[str, ...]:
    """The metrics that a model's predictions allow: those of the scores where it has them."""
    return (*names_of("binary"), *(names_of("ordinal") if panel.ordinal else ()))


def replicates(panel: Panel, settings: ScoreSettings, metrics: Iterable[str]) -> dict[str, Floats]:
    """Bootstrap replicates, metric → (B,); the seed fixes the draws, so models share them."""
    sample = panel.sample
    if not settings.bootstrap or len(sample.targets) > MANY_TILES or sample.n_groups < 2:
        return {}
    rng = np.random.default_rng(settings.seed)
    resampled = tuple(name for name in metrics if METRICS[name].resampled)
    resampler = Resampler(sample, panel.answers, resampled, settings.bins)
    return bootstrap([resampler], sample, settings.bootstrap, rng)[0]

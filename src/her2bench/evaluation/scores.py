"""The one way in: a predictions table and the settings give all scores."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from her2bench.core.manifest import SPLITS
from her2bench.evaluation.bootstrap import Resampler, bootstrap
from her2bench.evaluation.estimates import Estimate, estimate
from her2bench.evaluation.metrics import METRICS
from her2bench.evaluation.notes import sample_notes
from her2bench.evaluation.panels import Panel, make_panel
from her2bench.evaluation.rows import Row, make_row
from her2bench.evaluation.runs import RunThreshold, apply_thresholds
from her2bench.evaluation.samples import Floats
from her2bench.evaluation.settings import ScoreSettings

RESAMPLED = tuple(name for name in METRICS if name != "roc_auc")
MANY_TILES = 100_000  # beyond this a bootstrap takes minutes and linearised intervals agree


@dataclass(frozen=True)
class Scores:
    """Everything that `scores.json` holds."""

    rows: tuple[Row, ...]
    thresholds: tuple[RunThreshold, ...]
    settings: ScoreSettings
    pairs: tuple[Any, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and text, ready for JSON: undefined numbers are null."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "pairs": [asdict(pair) for pair in self.pairs],
            "notes": list(self.notes),
            "thresholds": [asdict(threshold) for threshold in self.thresholds],
            "settings": self.settings.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Judged:
    """One model on one split: its panel, its estimates, its bootstrap replicates."""

    panel: Panel
    estimates: dict[str, Estimate]
    replicates: dict[str, Floats]


def score_predictions(table: pl.DataFrame, settings: ScoreSettings | None = None) -> Scores:
    """Score every model on every split, and compare the models on the test tiles.

    Args:
        table: checked predictions (`core.predictions.read_predictions` or `check_predictions`).
        settings: the choices; the defaults where None.

    Returns:
        Rows, pairs, thresholds and notes.

    Raises:
        UserError: models or seeds to be compared were judged on different tiles or targets, or a
            threshold cannot be chosen.
    """
    settings = settings or ScoreSettings()
    table, thresholds, notes = apply_thresholds(table, settings.threshold)
    rows: list[Row] = []
    for split in (split for split in SPLITS if (table["split"] == split).any()):
        judged = judge(table.filter(pl.col("split") == split), split, settings)
        for name, model in judged.items():
            rows += [
                make_row(name, split, estimate, model.replicates.get(metric), settings)
                for metric, estimate in model.estimates.items()
            ]
        notes += sample_notes(split, {name: model.panel.sample for name, model in judged.items()})
    return Scores(tuple(rows), thresholds, settings, notes=tuple(notes))


def judge(table: pl.DataFrame, split: str, settings: ScoreSettings) -> dict[str, Judged]:
    """Estimate all metrics of all models on one split, bootstrapped with the same draws."""
    models = table["model"].unique(maintain_order=True).to_list()
    panels = {m: make_panel(table.filter(pl.col("model") == m), m, split) for m in models}
    return {
        name: Judged(
            panel,
            {
                metric: estimate(metric, panel.sample, panel.answers, settings.bins)
                for metric in METRICS
            },
            _replicates(panel, settings),
        )
        for name, panel in panels.items()
    }


def _replicates(panel: Panel, settings: ScoreSettings) -> dict[str, Floats]:
    """Bootstrap replicates, metric → (B,); the seed fixes the draws, so models share them."""
    sample = panel.sample
    if not settings.bootstrap or len(sample.targets) > MANY_TILES or sample.n_groups < 2:
        return {}
    rng = np.random.default_rng(settings.seed)
    resampler = Resampler(sample, panel.answers, RESAMPLED, settings.bins)
    return bootstrap([resampler], sample, settings.bootstrap, rng)[0]

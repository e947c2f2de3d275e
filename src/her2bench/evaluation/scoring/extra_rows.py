"""Additional rows, and the labels of all rows."""

from collections.abc import Mapping

import numpy as np

from her2bench.core.ordinal import CUTS
from her2bench.core.scores import Row, known
from her2bench.evaluation.scoring.calibration_line import LINE, calibration_line
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.intervals import Interval
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.evaluation.statistics.roc_points import point_label


def label_of(metric: str) -> str:
    """The label of a row's metric in a text."""
    if metric in METRICS:
        return METRICS[metric].label
    return LINE.get(metric) or point_label(metric) or cut_label(metric) or metric


def cut_label(metric: str) -> str | None:
    """The label of a metric at a cut of the score; None of another.

    >>> cut_label("roc_auc_at_1"), cut_label("roc_auc")
    ('ROC-AUC at 1+', None)
    """
    name, at, cut = metric.rpartition("_at_")
    if not at or cut not in map(str, CUTS):
        return None
    label = METRICS[name].label if name in METRICS else LINE.get(name)
    return f"{label} at {cut}+" if label else None


def line_rows(
    judged: Mapping[str, ModelEvaluation], split: str, settings: ScoreSettings
) -> list[Row]:
    """Calibration intercept and slope of every model."""
    return [
        extra_row(model, split, name, found.values, found.interval, found.method)
        for model in judged.values()
        for name, found in calibration_line(
            model.panel.sample, model.panel.answers, settings.confidence
        ).items()
    ]


def extra_row(
    model: ModelEvaluation, split: str, metric: str, values: Floats, interval: Interval, method: str
) -> Row:
    """A row of (S,) values, one per seed, that holds for these trained weights only."""
    sample, seeds = model.panel.sample, len(values)
    return Row(
        model=model.name,
        split=split,
        metric=metric,
        value=known(float(np.mean(values))),
        low=known(interval.low),
        high=known(interval.high),
        method=method,
        tiles=sample.n_tiles,
        groups=sample.n_groups,
        seeds=seeds,
        counted_tiles=float(sample.n_tiles),
        counted_groups=sample.n_groups,
        design_effect=None,
        effective_tiles=None,
        seed_sd=known(float(np.std(values, ddof=1))) if seeds > 1 else None,
        recipe_low=None,
        recipe_high=None,
    )

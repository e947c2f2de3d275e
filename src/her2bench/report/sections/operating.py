"""The operating point: metrics at every threshold of the slider, computed by `evaluation`.

Each position of the slider is computed here, so the page shows what `her2bench score` prints for
that threshold.
"""

from typing import Any

import numpy as np

from her2bench.core.scores import known
from her2bench.core.vocabulary import model_label
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Bools, ModelPredictions
from her2bench.evaluation.statistics.confusion import cells
from her2bench.evaluation.statistics.estimates import estimate

METRICS = ("sensitivity", "specificity", "ppv", "npv")
POSITIONS = tuple(k / 100 for k in range(1, 100))
COARSE = tuple(k / 20 for k in range(1, 20))
MANY_TILES = 20_000  # beyond this the slider moves in steps of 0.05


def operating_points(panels: dict[str, Panel], settings: ScoreSettings) -> dict[str, Any]:
    """The values of the sliders, ready for JSON.

    Args:
        panels: model → its predictions on the shown tiles.
        settings: of the statistics.

    Returns:
        `positions` (probabilities), `share` (of positive tiles), `models`: a list of `name`,
        `seeds` (how many), `frozen` (the point at the frozen thresholds) and `points` (one per
        position). A point is
        `counts` (TP, FP, FN, TN, averaged over seeds), for each of METRICS `[value, low, high]`
        (null undefined), and `seeds`, sensitivity and specificity of each seed.
    """
    if not panels:
        return {"positions": [], "share": None, "models": []}
    sample = next(iter(panels.values())).sample
    positions = POSITIONS if len(sample.targets) <= MANY_TILES else COARSE
    return {
        "positions": positions,
        "share": float(sample.targets.mean()),
        "models": [
            {
                "name": model_label(model),
                "seeds": len(panel.answers.calls),
                "frozen": _point(panel, panel.answers.calls, settings),
                "points": [_at(panel, p, settings) for p in positions],
            }
            for model, panel in panels.items()
        ],
    }


def _at(panel: Panel, probability: float, settings: ScoreSettings) -> dict[str, Any]:
    """The point of a fixed probability threshold."""
    return _point(panel, panel.answers.probabilities > probability, settings)


def _point(panel: Panel, calls: Bools, settings: ScoreSettings) -> dict[str, Any]:
    sample, given = panel.sample, panel.answers
    answers = ModelPredictions(
        given.model, given.seeds, given.logits, given.probabilities, calls, given.folds
    )
    point: dict[str, Any] = {}
    for metric in METRICS:
        found = estimate(metric, sample, answers, settings.bins)
        interval, _ = interval_of(found, None, settings)
        point[metric] = [known(found.value), known(interval.low), known(interval.high)]
        if metric in ("sensitivity", "specificity"):
            point.setdefault("seeds", []).append([known(float(v)) for v in found.values])
    counts = [np.bincount(cells(sample.targets, call), minlength=4) for call in calls]
    point["counts"] = np.mean(counts, axis=0).tolist()
    return point


def printed(points: dict[str, Any]) -> dict[str, Any]:
    """The same for the page, with numbers as text, so that the page does no rounding.

    In a point, `counts` are text, `parts` their shares of the tiles of that true class, each
    metric is `[value, interval]`, and `ends` are the limits
    of sensitivity and specificity as numbers, for Bayes' rule.
    """
    models = [
        {
            "name": model["name"],
            "seeds": model["seeds"],
            "frozen": _printed(model["frozen"]),
            "points": [_printed(point) for point in model["points"]],
        }
        for model in points["models"]
    ]
    return {**points, "models": models}


def _printed(point: dict[str, Any]) -> dict[str, Any]:
    words = {
        metric: [
            "undefined" if value is None else f"{value:.3f}",
            "no interval" if low is None or high is None else f"{low:.3f} to {high:.3f}",
        ]
        for metric in METRICS
        for value, low, high in [point[metric]]
    }
    counts = [f"{count:.1f}".removesuffix(".0") for count in point["counts"]]
    tp, fp, fn, tn = point["counts"]
    classes = tp + fn, fp + tn, tp + fn, fp + tn
    parts = [
        f"{100 * count / of:.0f}%" if of else "–"
        for count, of in zip(point["counts"], classes, strict=True)
    ]
    ends = [*point["sensitivity"][1:], *point["specificity"][1:]]
    return {**words, "counts": counts, "parts": parts, "seeds": point["seeds"], "ends": ends}

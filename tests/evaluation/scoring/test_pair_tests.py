"""Tests of two models: what holds of every interval of a difference."""

import polars as pl

from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import METRICS


def test_no_interval_of_a_difference_is_wider_than_the_metric():
    """Three seeds that disagree make a wide t interval; a difference of ROC-AUCs is within ±1."""
    tiles = range(16)
    answers = {("a", 0): 0.1, ("a", 1): 0.9, ("a", 2): -0.9, ("b", 0): 0.2, ("b", 1): -0.8}
    answers["b", 2] = 1.0
    rows = [
        {"model": m, "seed": s, "fold": 0, "split": "test", "tile_id": f"t{i}", "target": i % 2,
         "group_id": f"s{i}", "probability": 0.5 + 0.3 * lean * (i % 2 - 0.5) + 0.02 * (i * 7 % 11)}
        for (m, s), lean in answers.items() for i in tiles
    ]  # fmt: skip
    settings = ScoreSettings(bootstrap=200, flips=999)
    scores = score_predictions(check_predictions(pl.DataFrame(rows)), settings)
    (found,) = (p for p in scores.pairs if (p.metric, p.question) == ("roc_auc", "recipe"))
    assert (found.low, found.high) == (-1, 1)
    for each in scores.pairs:
        reach = METRICS[each.metric].most - METRICS[each.metric].least
        if each.low is not None and each.high is not None:
            assert -reach <= each.low and each.high <= reach

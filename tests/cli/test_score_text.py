"""What the terminal says of scores: whether slides are known, and which pairs are shown."""

import polars as pl
import pytest
from rich.console import Console

from her2bench.cli.results_text import _verdicts
from her2bench.cli.score_text import print_scores
from her2bench.core.predictions import check_predictions
from her2bench.core.vocabulary import BASELINES, BaselineName
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings

FAST = ScoreSettings(bootstrap=0, flips=99)


def table(models=("a", "b"), groups=True, classes=2) -> pl.DataFrame:
    tiles = range(40)
    parts = [
        pl.DataFrame(
            {
                "model": model,
                "tile_id": [f"t{i}" for i in tiles],
                "group_id": [f"s{i // 4}" if groups else None for i in tiles],
                "target": [i // 4 % classes for i in tiles],
                "probability": [(i * (7 + 2 * m) % 41) / 41 for i in tiles],
            },
            schema_overrides={"group_id": pl.String},
        )
        for m, model in enumerate(models)
    ]
    return check_predictions(pl.concat(parts))


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("groups", [True, False])
def test_the_title_says_whether_slides_are_known(groups, classes, capsys):
    """Also where the first metric is undefined, because one class is missing."""
    print_scores(score_predictions(table(groups=groups, classes=classes), FAST))
    printed = capsys.readouterr().out
    assert ("95% intervals, clustered by slide" in printed) == groups
    assert ("tiles taken as independent" in printed) != groups


def test_results_show_the_dab_baseline_and_no_other(monkeypatch):
    monkeypatch.setitem(BASELINES, "pen_baseline", BaselineName("Pen baseline", "the pen baseline"))
    models = ("lenet", "alexnet", *BASELINES)
    scores = score_predictions(table(models), FAST)
    console = Console(width=200, record=True)
    with console.capture() as shown:
        console.print(_verdicts(scores))
    assert "dab_baseline" in shown.get()
    others = BASELINES.keys() - {"dab_baseline"}
    assert not [name for name in others if name in shown.get()]

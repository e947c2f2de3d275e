"""Predictions tables of models of the four scores: read, scored at a cut and written."""

import json
from pathlib import Path
from random import Random

from fuzz.predictions import prediction_columns
from fuzz.tables import Columns, odd_table
from fuzz.workspace import Workspace
from her2bench.cli.score import score
from her2bench.core.ordinal import CUTS, SCORE_COLUMNS
from her2bench.core.predictions import COLUMNS, read_predictions

_ENDPOINTS = (None, None, "1+", "2+", "3+", "2", "0", "score")
_BINARY = ("target", "logit", "probability")
_OPTIONAL = ("seed", "fold", "split", "group_id", "score", "scanner", "tile_score")


def four_score_columns() -> Columns:
    """The tables of `fuzz.predictions` with a distribution over the scores in place of a logit."""
    columns = prediction_columns()
    weights = [[1 + (5 * i + 3 * s) % 7 for s in range(4)] for i in range(len(columns["model"]))]
    for s, name in enumerate(SCORE_COLUMNS):
        columns[name] = [row[s] / sum(row) for row in weights]
    columns["tile_score"] = columns["score"]
    upper = [sum(row[CUTS[1] :]) / sum(row) for row in weights]
    return {k: v for k, v in columns.items() if k != "logit"} | {
        "target": [int(int(str(value)) >= CUTS[1]) for value in columns["score"]],
        "probability": upper,
    }


class FourScores:
    """Tables with `score` and `p0` to `p3`, CSV and Parquet."""

    def __init__(self, workspace: Workspace) -> None:
        self._out = workspace.out

    def make(self, rng: Random) -> tuple[str, bytes]:
        columns = four_score_columns()
        left_out: set[str] = set(rng.sample(_OPTIONAL, rng.choice((0, 1, 1, 2, 3))))
        if rng.random() < 0.05:
            left_out.add(rng.choice(SCORE_COLUMNS))
        if rng.random() < 0.7:
            left_out |= set(_BINARY)
        return odd_table({k: v for k, v in columns.items() if k not in left_out}, rng)

    def read(self, path: Path, rng: Random) -> None:
        table = read_predictions([path])
        if rng.random() > 0.3:
            return
        extra = [key for key in table.columns if key not in COLUMNS]
        score(
            [str(path)],
            output=self._out / "scores.json",
            endpoint=rng.choice(_ENDPOINTS),
            level=rng.choice(("tile", "tile", "slide", "both")),
            by=rng.sample(extra, min(len(extra), rng.randrange(2))),
            seed_ensembles=rng.random() < 0.2,
            bootstrap=0,
        )
        json.loads((self._out / "scores.json").read_text(encoding="utf-8"))

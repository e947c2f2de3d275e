"""Predictions tables: read, scored and written as the command `score` does."""

import json
import math
from pathlib import Path
from random import Random

from fuzz.tables import Columns, odd_table
from fuzz.workspace import Workspace
from her2bench.cli.score import score
from her2bench.core.predictions import COLUMNS, read_predictions

_RULES = ("fixed", "fixed", "youden", "sensitivity")


def prediction_columns(tiles: int = 12) -> Columns:
    """Two models on the same tiles of test and validation, slides of two tiles each."""
    rows = [
        (model, split, tile)
        for model in ("lenet", "alexnet")
        for split in ("test", "val")
        for tile in range(tiles)
    ]
    logit = [((5 * t + len(m)) % 11 - 5) / 2 for m, _, t in rows]
    return {
        "model": [model for model, _, _ in rows],
        "seed": [0] * len(rows),
        "fold": [0] * len(rows),
        "split": [split for _, split, _ in rows],
        "tile_id": [f"{split}-{t}" for _, split, t in rows],
        "group_id": [f"{split}-s{t // 2}" for _, split, t in rows],
        "target": [t // 2 % 2 for _, _, t in rows],
        "logit": logit,
        "probability": [1 / (1 + math.exp(-value)) for value in logit],
        "score": [t // 2 % 4 for _, _, t in rows],
        "scanner": ["A" if t % 3 else "B" for _, _, t in rows],
    }


class Predictions:
    """Tables of predictions, CSV and Parquet."""

    def __init__(self, workspace: Workspace) -> None:
        self._out = workspace.out

    def make(self, rng: Random) -> tuple[str, bytes]:
        columns = prediction_columns()
        optional = ("seed", "fold", "split", "group_id", "logit", "score", "scanner")
        left_out = rng.sample(optional, rng.randint(0, len(optional)))
        return odd_table({k: v for k, v in columns.items() if k not in left_out}, rng)

    def read(self, path: Path, rng: Random) -> None:
        table = read_predictions([path])
        if rng.random() > 0.3:
            return
        extra = [key for key in table.columns if key not in COLUMNS]
        rule = rng.choice(_RULES)
        score(
            [str(path)],
            output=self._out / "scores.json",
            rule=rule,
            value=0.9 if rule == "sensitivity" else None,
            by=rng.sample(extra, min(len(extra), rng.randrange(3))),
            bootstrap=0,
        )
        json.loads((self._out / "scores.json").read_text(encoding="utf-8"))

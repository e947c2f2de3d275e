"""From a predictions table to arrays: one sample per split, one set of predictions per model."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.evaluation.statistics.arrays import (
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
)


@dataclass(frozen=True)
class Panel:
    """One model's answers on one split and the tiles they are about.

    Args:
        sample: the tiles, ordered by tile_id.
        answers: in the same order.
        tile_ids: (n,) String, ordered; a tile predicted in several folds stands once for each.
        table: the rows of the first seed, in the same order, with all their columns.
    """

    sample: LabelledTiles
    answers: ModelPredictions
    tile_ids: pl.Series
    table: pl.DataFrame

    @property
    def ordinal(self) -> bool:
        """Whether reference scores and the model's probabilities of the scores are known."""
        return self.sample.scores is not None and self.answers.distributions is not None


def make_panel(rows: pl.DataFrame, model: str, split: str) -> Panel:
    """Arrange one model's rows of one split, with a `call` column, into a panel.

    Raises:
        UserError: seeds of the model were scored on different tiles or targets.
    """
    rows = rows.sort("tile_id", "fold")
    by_seed = {
        seed: part.drop("_seed")
        for (seed,), part in rows.with_columns(_seed="seed")
        .partition_by("_seed", as_dict=True, maintain_order=True)
        .items()
    }
    seeds = sorted(by_seed)
    first = by_seed[seeds[0]]
    for seed in seeds[1:]:
        require_same_tiles(
            (f"model {model}, seed {seeds[0]}", first), (f"seed {seed}", by_seed[seed]), split
        )
    return Panel(
        sample=_sample(first),
        answers=ModelPredictions(
            model=model,
            seeds=tuple(int(seed) for seed in seeds),
            logits=np.stack([by_seed[seed]["logit"].to_numpy() for seed in seeds]),
            probabilities=np.stack([by_seed[seed]["probability"].to_numpy() for seed in seeds]),
            calls=np.stack([by_seed[seed]["call"].to_numpy() for seed in seeds]),
            folds=_folds([by_seed[seed]["fold"] for seed in seeds]),
            distributions=_distributions([by_seed[seed] for seed in seeds]),
        ),
        tile_ids=first["tile_id"],
        table=first,
    )


def require_same_tiles(
    one: tuple[str, pl.DataFrame], other: tuple[str, pl.DataFrame], split: str
) -> None:
    """Refuse to compare models scored on different tiles or against different targets.

    Args:
        one, other: a name, and rows sorted by tile_id.
        split: for the message.
    """
    (name_a, a), (name_b, b) = one, other
    ids_a, ids_b = a["tile_id"], b["tile_id"]
    if len(a) != len(b) or not (ids_a == ids_b).all():
        only_a = sorted(set(ids_a) - set(ids_b))
        only_b = sorted(set(ids_b) - set(ids_a))
        raise UserError(
            f"{split} tiles",
            found=f"{name_a} and {name_b} were scored on different tiles: "
            f"{len(only_a)} only in {name_a}{listed(only_a, 5)}"
            f"\n  {len(only_b)} only in {name_b}{listed(only_b, 5)}"
            f"\n  ({len(a)} and {len(b)} rows)",
            expected="the same tiles for all that are compared",
            hint="predict the same tiles with each, or score the tables one by one",
        )
    differ = ids_a.filter(a["target"] != b["target"])
    if len(differ):
        raise UserError(
            f"{split} tiles",
            found=f"{name_a} and {name_b} have different targets for {len(differ)} of {len(a)} "
            f"tiles:{listed(differ, 5)}",
            expected="one truth for all that are compared",
            hint="use the same endpoint and the same labels for every model",
        )
    _require_same_scores(one, other, split)


def _require_same_scores(
    one: tuple[str, pl.DataFrame], other: tuple[str, pl.DataFrame], split: str
) -> None:
    (name_a, a), (name_b, b) = one, other
    if not all("score" in table and has_distributions(table) for table in (a, b)):
        return
    differ = a["tile_id"].filter(a["score"] != b["score"])
    if len(differ):
        raise UserError(
            f"{split} tiles",
            found=f"{name_a} and {name_b} have different scores for {len(differ)} of {len(a)} "
            f"tiles:{listed(differ, 5)}",
            expected="one reference score per tile, the same for every model and seed",
            hint="correct the column score",
        )


def difference_of_tiles(a: pl.DataFrame, b: pl.DataFrame) -> str:
    """How two models' tiles or targets differ, in words; empty where they are the same.

    Args:
        a, b: rows sorted by tile_id.
    """
    ids_a, ids_b = a["tile_id"], b["tile_id"]
    if len(a) != len(b) or not (ids_a == ids_b).all():
        lacking, added = len(set(ids_a) - set(ids_b)), len(set(ids_b) - set(ids_a))
        return f"{lacking} of its {len(a)} tiles are missing and {added} others are there"
    changed = int((a["target"] != b["target"]).sum())
    return f"{changed} of {len(a)} tiles have another target" if changed else ""


def _sample(rows: pl.DataFrame) -> LabelledTiles:
    """Without known slides each tile is its own group (a tile of several folds still one)."""
    known = not rows["group_id"].is_null().all()
    groups = _ranks(rows["group_id" if known else "tile_id"])
    tiles = _ranks(rows["tile_id"]) if rows["tile_id"].is_duplicated().any() else None
    scored = "score" in rows.columns and not rows["score"].has_nulls()
    scores = rows["score"].to_numpy().astype(np.int64) if scored else None
    return LabelledTiles(rows["target"].to_numpy() == 1, groups, known, tiles, scores)


def has_distributions(rows: pl.DataFrame) -> bool:
    """Whether rows of predictions hold the probability of each score."""
    return set(SCORE_COLUMNS) <= set(rows.columns) and not rows[SCORE_COLUMNS[0]].has_nulls()


def _distributions(of_seeds: list[pl.DataFrame]) -> Floats | None:
    if not all(map(has_distributions, of_seeds)):
        return None
    return np.stack([rows.select(SCORE_COLUMNS).to_numpy() for rows in of_seeds])


def _ranks(names: pl.Series) -> Ints:
    return names.rank("dense").to_numpy().astype(np.int64) - 1


def _folds(of_seeds: list[pl.Series]) -> Ints | None:
    """Each seed's folds as codes; None where every seed has one network for all tiles."""
    if all(folds.n_unique() == 1 for folds in of_seeds):
        return None
    return np.stack([_ranks(folds) for folds in of_seeds])

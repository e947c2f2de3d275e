"""What an ensemble costs: the sums over its networks."""

from collections.abc import Collection

import polars as pl

from her2bench.core.score_parts import Ensemble

SUMMED = ("parameters", "multiply_adds", "train_seconds", "tuning_seconds")


def with_ensemble_costs(runs: pl.DataFrame, ensembles: Collection[Ensemble]) -> pl.DataFrame:
    """The runs, and for each ensemble a row per fold with the sums over its networks' runs.

    Where the networks of all folds judge every tile, there is one row of all of them. What is
    unknown for all of its networks stays unknown.

    Args:
        runs: as `run_table` gives it.
        ensembles: of the scores.
    """
    parts = [_costs(runs, one) for one in ensembles] if runs.height else []
    return pl.concat([runs, *parts], how="diagonal_relaxed")


def _costs(runs: pl.DataFrame, one: Ensemble) -> pl.DataFrame:
    mine = runs.filter(pl.col("model").is_in(one.models))
    if one.folds:
        mine = mine.with_columns(fold=pl.lit(0, dtype=runs.schema["fold"]))
    known = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in SUMMED]
    return mine.group_by("fold", maintain_order=True).agg(
        pl.lit(one.name).alias("model"),
        pl.lit(0, dtype=runs.schema["seed"]).alias("seed"),
        *known,
    )

"""What an ensemble costs."""

import polars as pl

from her2bench.core.score_parts import Ensemble
from her2bench.report.ensemble_costs import with_ensemble_costs

RUNS = pl.DataFrame(
    {
        "model": ["a", "a", "a", "a", "b", "b"],
        "seed": [0, 1, 0, 1, 0, 0],
        "fold": [0, 0, 1, 1, 0, 1],
        "parameters": [10, 10, 10, 10, 5, 5],
        "multiply_adds": [100] * 4 + [None] * 2,
        "train_seconds": [1.0, 2.0, 3.0, 4.0, 0.5, 0.5],
        "tuning_seconds": [8.0, None, None, None, 1.0, 1.0],
        "peak_memory_gb": [1.0] * 6,
    },
    schema_overrides={"multiply_adds": pl.Int64},
)


def costs(*ensembles):
    table = with_ensemble_costs(RUNS, ensembles)
    assert table.head(len(RUNS)).equals(RUNS)
    return (
        table.tail(-len(RUNS))
        .sort("fold")
        .select("model", "fold", "parameters", "train_seconds", "tuning_seconds")
    )


def test_networks_of_one_fold_are_summed():
    assert costs(Ensemble("a ensemble", ("a",), 2)).rows() == [
        ("a ensemble", 0, 20, 3.0, 8.0),
        ("a ensemble", 1, 20, 7.0, None),
    ]
    assert costs(Ensemble("both", ("a", "b"), 3)).rows() == [
        ("both", 0, 25, 3.5, 9.0),
        ("both", 1, 25, 7.5, 1.0),
    ]


def test_where_all_folds_judge_a_tile_all_are_summed():
    assert costs(Ensemble("all", ("a",), 4, folds=True)).rows() == [("all", 0, 40, 10.0, 8.0)]


def test_what_is_unknown_stays_unknown():
    table = with_ensemble_costs(RUNS, [Ensemble("b ensemble", ("b",), 1)])
    assert table.filter(pl.col("model") == "b ensemble")["multiply_adds"].to_list() == [None, None]

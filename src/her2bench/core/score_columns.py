"""The probabilities of the four scores in a predictions table: checks, and the binary columns."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.manifest import read_scores
from her2bench.core.ordinal import CUTS, DEFAULT_CUT, SCORE_COLUMNS, at_least, binary_columns
from her2bench.core.prediction_rows import refuse_cells
from her2bench.core.tables import require_columns
from her2bench.core.values import typed

ROUNDING = 1e-6  # how far beyond 0 and 1 means and sums in float32 can lie
SUM_TOLERANCE = 1e-3  # of probabilities with three digits
_EXACT = 1e-12  # rounding of a sum in double precision
_ORDER = (DEFAULT_CUT, *(cut for cut in CUTS if cut != DEFAULT_CUT))
_BINARY = {"target": pl.Int8, "probability": pl.Float64}


def with_distributions(table: pl.DataFrame, where: object) -> pl.DataFrame:
    """A predictions table with `p0` to `p3` checked, and what follows from them filled in.

    The four add to 1 in each row, to 0.001, and are divided by their sum; a row without any of
    them is a binary model's. `score` is then needed, and what is missing of `target`,
    `probability` and `logit` is made from them at the cut of the others, 2+ by default. Without
    `score` the table stays binary.

    Args:
        table: with `model` and `tile_id`.
        where: for messages.

    Raises:
        UserError: some of the four columns or cells are missing, a probability is not one, a sum
            is not 1, a row has no score, or target or probability contradict the scores.
    """
    if not set(SCORE_COLUMNS) & set(table.columns):
        return table
    table = table.with_columns(_probabilities(table, where))
    ordinal = table[SCORE_COLUMNS[0]].is_not_null()
    without_score = "score" not in table.columns and set(_BINARY) <= set(table.columns)
    if without_score or not ordinal.any():
        return table
    require_columns(table, ("score",), where)
    refuse = partial(refuse_cells, table=table, where=where)
    score = read_scores(table["score"], where, gaps=True)
    refuse(table["score"], ordinal & score.is_null(), "a score from 0 to 3 beside p0 to p3")
    table = table.with_columns(score)
    given = {
        name: typed(table[name], dtype, where, refuse)
        for name, dtype in _BINARY.items()
        if name in table.columns
    }
    cut = _agreed_cut(table, ordinal, given, where)
    return _filled(table, ordinal, given, binary_columns(table.filter(ordinal), cut))


def cut_of(rows: pl.DataFrame) -> int:
    """The cut that the binary columns of an ordinal model's checked rows are made at."""
    ordinal = pl.Series([True]).new_from_index(0, len(rows))
    return _agreed_cut(rows, ordinal, {name: rows[name] for name in _BINARY}, "predictions")


def at_endpoint(table: pl.DataFrame, endpoint: str) -> pl.DataFrame:
    """Checked predictions with the ordinal models' binary columns made at another cut.

    Args:
        table: with `score` and `p0` to `p3`, these missing in the rows of binary models.
        endpoint: "1+", "2+" or "3+".

    Raises:
        UserError: no such cut, no ordinal model, or a binary model whose target is another one.
    """
    cuts = {f"{cut}+": cut for cut in CUTS}
    if endpoint not in cuts:
        hint = "status has no cut of the score" if endpoint == "status" else "name a cut"
        raise UserError("endpoint", found=repr(endpoint), expected=", ".join(cuts), hint=hint)
    if not {*SCORE_COLUMNS, "score"} <= set(table.columns) or table["p0"].is_null().all():
        raise UserError(
            "endpoint",
            found=f"{endpoint}, and no model with the columns score and p0 to p3",
            expected="probabilities of the four scores, which can be added up at a cut",
            hint="leave out the endpoint: a binary model's is fixed by its target",
        )
    ordinal = table["p0"].is_not_null()
    derived = binary_columns(table.filter(ordinal), cuts[endpoint])
    _refuse_other_targets(table.filter(~ordinal), derived, endpoint)
    place = ordinal.arg_true()
    names = (*_BINARY, "logit")
    return table.with_columns(table[n].scatter(place, derived[n]) for n in names)


def _refuse_other_targets(binary: pl.DataFrame, derived: pl.DataFrame, endpoint: str) -> None:
    truth = derived.select("tile_id", _truth="target").unique("tile_id")
    differ = binary.join(truth, on="tile_id").filter(pl.col("target") != pl.col("_truth"))
    if len(differ):
        names = [f"model {m}, tile {t}" for m, t in differ.select("model", "tile_id").iter_rows()]
        raise UserError(
            "endpoint",
            found=f"{len(names)} row(s) whose target is not “score {endpoint} or more”:"
            f"{listed(names, 5)}",
            expected=f"binary models of the endpoint {endpoint}",
            hint="name the endpoint that the binary models were made for, or leave them out",
        )


def _probabilities(table: pl.DataFrame, where: object) -> list[pl.Series]:
    """The four columns as numbers, each row divided by its sum."""
    missing = [name for name in SCORE_COLUMNS if name not in table.columns]
    if missing:
        raise UserError(
            where,
            found=f"missing columns: {', '.join(missing)}",
            expected=f"all of {', '.join(SCORE_COLUMNS)} (the probability of each score), or none",
            hint="add them or, if the others are something else, rename those",
        )
    refuse = partial(refuse_cells, table=table, where=where)
    columns = [typed(table[name], pl.Float64, where, refuse) for name in SCORE_COLUMNS]
    known = pl.DataFrame(columns).select(
        pl.sum_horizontal(pl.all().is_not_null()).is_in([0, len(columns)])
    )
    for column in columns:
        refuse(table[column.name], ~known.to_series() & column.is_null(), "a number")
        outside = ~column.is_between(-ROUNDING, 1 + ROUNDING)
        refuse(table[column.name], outside, "a probability from 0 to 1")
    p = np.stack([column.clip(0, 1).to_numpy() for column in columns], axis=1)
    total = pl.Series(" + ".join(SCORE_COLUMNS), p.sum(axis=1), nan_to_null=True)
    hint = "divide each of the four by their sum, if they are not probabilities yet"
    refuse(total, (total - 1).abs() > SUM_TOLERANCE, "1, to 0.001", hint=hint)
    sums = p.sum(axis=1, keepdims=True)
    shares = np.where(np.abs(sums - 1) > _EXACT, p / sums, p)  # so that it is not done twice
    return [
        pl.Series(name, share, nan_to_null=True)
        for name, share in zip(SCORE_COLUMNS, shares.T, strict=True)
    ]


def _agreed_cut(
    table: pl.DataFrame, ordinal: pl.Series, given: Mapping[str, pl.Series], where: object
) -> int:
    """The cut at which target and probability, as far as given, are those of the scores."""
    refuse = partial(refuse_cells, table=table, where=where)
    hint = "drop the columns target and probability: they are then made from score and p0 to p3"
    cuts = _ORDER
    if "target" in given:
        wrong = {c: ordinal & ((table["score"] >= c) != (given["target"] == 1)) for c in cuts}
        nearest = min(cuts, key=lambda c: int(wrong[c].sum()))
        if wrong[nearest].any():
            expected = f"1 where the score is {nearest}+ or more, 0 where it is less"
            refuse(table["target"], wrong[nearest], expected, hint=hint)
        cuts = [cut for cut in cuts if not wrong[cut].any()]
    if "probability" in given:
        p = table.select(SCORE_COLUMNS).to_numpy()
        far = {c: (given["probability"] - at_least(p, c)).abs() > SUM_TOLERANCE for c in cuts}
        nearest = min(cuts, key=lambda c: int((ordinal & far[c]).sum()))
        if (ordinal & far[nearest]).any():
            summed = " + ".join(SCORE_COLUMNS[nearest:])
            expected = f"the probability of a score of {nearest}+ or more, {summed}, to 0.001"
            refuse(table["probability"], ordinal & far[nearest], expected, hint=hint)
        return nearest
    return cuts[0]


def _filled(
    table: pl.DataFrame,
    ordinal: pl.Series,
    given: Mapping[str, pl.Series],
    derived: pl.DataFrame,
) -> pl.DataFrame:
    """The table with what is missing of the binary columns in the rows of ordinal models."""
    columns = []
    for name, dtype in _BINARY.items():
        made = pl.Series(name, [None], dtype).new_from_index(0, len(table))
        made = made.scatter(ordinal.arg_true(), derived[name].cast(dtype))
        columns.append(given[name].fill_null(made) if name in given else made)
    if ordinal.all() and not {"probability", "logit"} & set(table.columns):
        columns.append(derived["logit"])
    return table.with_columns(columns)

"""The predictions table, the common input format: one row per tile, model, seed and fold."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, nearest
from her2bench.core.manifest import read_scores
from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.prediction_rows import KEY as KEY
from her2bench.core.prediction_rows import check_rows, refuse_alike, refuse_cells, with_model
from her2bench.core.score_columns import ROUNDING, with_distributions
from her2bench.core.tables import Wanted, read_table, require_columns
from her2bench.core.values import typed
from her2bench.core.vocabulary import SPLITS

COLUMNS = {
    "model": pl.String,
    "seed": pl.Int64,
    "fold": pl.Int64,
    "split": pl.String,
    "tile_id": pl.String,
    "group_id": pl.String,
    "target": pl.Int8,
    "logit": pl.Float64,
    "probability": pl.Float64,
}
REQUIRED = ("model", "tile_id", "target", "probability")
DEFAULTS = {"seed": 0, "fold": 0, "split": "test", "group_id": None}
SCORES = ("score", "tile_score")
_FURTHER = (*SCORES, *SCORE_COLUMNS)
RESERVED = ("ceiling",)
"""Names of models that the results use for something else."""
MOST_SEEDS, MOST_FOLDS = 2**32, 10_000
LONGEST_NAME = 100
_EXPECTED = {pl.String: "text", pl.Float64: "a number"}
SIGMOID_TOLERANCE = 1e-3  # float32 and half-precision models round, they do not err more


def as_predictions(table: pl.DataFrame) -> pl.DataFrame:
    """Put our own predictions into the table's columns, types and order.

    Those of an ordinal model keep `score` and `p0` to `p3`.
    """
    require_columns(table, COLUMNS, "predictions")
    scores = {"score": pl.Int8, **dict.fromkeys(SCORE_COLUMNS, pl.Float64)}
    kept = COLUMNS | scores if set(scores) <= set(table.columns) else COLUMNS
    return table.select(pl.col(name).cast(dtype) for name, dtype in kept.items())


def read_predictions(
    paths: Iterable[Path],
    also: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
    names: Sequence[str | None] = (),
) -> pl.DataFrame:
    """Read and check one or several predictions tables, ours or another tool's.

    Only `tile_id, target, probability` are required, and `model` where a table has several; without
    it the file's name is the model; of a table with `score` and the probabilities of the scores,
    `p0` to `p3`, only `tile_id`. `target` is 0 or 1, true or false, positive or negative. What is
    missing is filled: `seed` 0, `fold` 0, `split` "test", `group_id` null (unknown), `logit` from
    the probability. A group known for a tile in one table holds for that tile in all. Names of
    columns count in any case and with any spaces; words such as `NA` and `nan` are missing values.

    Args:
        paths: `.csv` or `.parquet` files; their rows are put one under the other.
        also: further columns that are used.
        columns: our name → the tables' own name of a column, e.g. `{"probability": "prob"}`.
        names: for each path the name of its one model, or None.

    Returns:
        One table with the columns of `COLUMNS` first. Of several tables `score`, `tile_score` and
        the columns of `also` are put together; others need not fit one another, and are left out.

    Raises:
        UserError: a file cannot be read, a column is missing, a value is not of its kind, or a
            tile stands twice for one model, seed, fold and split.
    """
    paths = [Path(path) for path in paths]
    if not paths:
        raise UserError("predictions", found="no file named", expected="at least one table")
    _refuse_unknown(columns or {}, (*COLUMNS, *_FURTHER, *also))
    optional = [name for name in (*COLUMNS, *_FURTHER) if name != "tile_id"]
    unsaid = ("target", "probability", *SCORE_COLUMNS)
    wanted = Wanted(("tile_id",), optional, tuple(also), unsaid, columns or {})
    read = [read_table(path, wanted) for path in paths]
    for table, path in zip(read, paths, strict=True):
        require_columns(table, _required(table, REQUIRED[1:]), path)
    refuse_alike(paths, read, named := [*names, *[None] * (len(paths) - len(names))])
    tables = [
        check_predictions(with_model(table, path, name), path)
        for table, path, name in zip(read, paths, named, strict=True)
    ]
    if len(tables) == 1:
        return tables[0]
    kept = [*COLUMNS, *_FURTHER, *wanted.also]
    tables = [t.select(name for name in dict.fromkeys(kept) if name in t) for t in tables]
    together = _together(tables)
    return check_rows(together, together, ", ".join(map(str, paths)))


def check_predictions(table: pl.DataFrame, where: object = "predictions") -> pl.DataFrame:
    """The checks and defaults of `read_predictions` on a table in memory.

    >>> table = pl.DataFrame({"model": "a", "tile_id": "t1", "target": 1, "probability": 0.5})
    >>> check_predictions(table).row(0)
    ('a', 0, 0, 'test', 't1', None, 1, 0.0, 0.5)
    """
    require_columns(table, _required(table, REQUIRED), where)
    written = table
    if table.is_empty():
        raise UserError(where, found="no rows", expected="at least one row", hint="fill the table")
    table = with_distributions(table, where)
    require_columns(table, REQUIRED, where)
    table = table.with_columns(
        pl.lit(value, dtype=COLUMNS[name]).alias(name)
        for name, value in DEFAULTS.items()
        if name not in table.columns
    )
    table = table.with_columns(
        _typed(table, name, where, gaps=name == "group_id") for name in COLUMNS if name != "logit"
    )
    table = table.with_columns(_check_values(table, written, where))
    table = table.with_columns(_logit(table, where))
    table = table.with_columns(
        read_scores(table[name], where, gaps=True) for name in SCORES if name in table.columns
    )
    extra = [name for name in table.columns if name not in COLUMNS]
    return check_rows(table.select(*COLUMNS, *extra), written, where)


def _required(table: pl.DataFrame, otherwise: Sequence[str]) -> Sequence[str]:
    """Beside the probabilities of the scores, target and probability are not needed."""
    scored = set(SCORE_COLUMNS) & set(table.columns)
    return [name for name in otherwise if not (scored and name in ("target", "probability"))]


def check_model_name(name: str) -> str | None:
    """Why a model cannot have this name; None where it can. It becomes the name of a folder.

    >>> check_model_name("resnet50"), check_model_name("Ceiling")
    (None, 'another name than ceiling, which the results use themselves')
    """
    if name.casefold() in RESERVED:
        return f"another name than {', '.join(RESERVED)}, which the results use themselves"
    if len(name) > LONGEST_NAME or len(name.encode()) > 2 * LONGEST_NAME:
        return f"a name of at most {LONGEST_NAME} characters"
    if re.search(r"[/\\]|^\.{1,2}$|^[A-Za-z]:", name):
        return "a name without / and \\, not . or .., not beginning with a drive such as C:"
    return None


def _refuse_unknown(columns: Mapping[str, str], known: Sequence[str]) -> None:
    for name in columns:
        if name not in known:
            raise UserError(
                "columns",
                found=f"{name!r}={columns[name]!r}: {name!r} is no column of predictions",
                expected=f"one of {', '.join(known)}",
                hint=nearest(name, known) or "write our name first: probability=prob",
            )


def _together(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Tables one under the other; further columns of different types as text."""
    further = {name for table in tables for name in table.columns if name not in COLUMNS}
    for name in further - set(SCORES):
        kinds = {table.schema[name] for table in tables if name in table.columns}
        if len(kinds) > 1 and kinds & {pl.String(), pl.Boolean()}:
            text = pl.col(name).cast(pl.String)
            tables = [t.with_columns(text) if name in t.columns else t for t in tables]
    return pl.concat(tables, how="diagonal_relaxed")


def _typed(table: pl.DataFrame, name: str, where: object, gaps: bool = False) -> pl.Series:
    refuse = partial(refuse_cells, table=table, where=where)
    values = typed(table[name], COLUMNS[name], where, refuse)
    if not gaps:
        refuse(table[name], values.is_null(), _EXPECTED.get(COLUMNS[name], "a whole number"))
    return values


def _check_values(table: pl.DataFrame, written: pl.DataFrame, where: object) -> pl.Series:
    """Refuse values out of their range; the probabilities, rounding beyond 0 and 1 taken off."""

    def refuse(column: pl.Series, bad: pl.Series, expected: str, hint: str = "") -> None:
        shown = written[column.name] if column.name in written.columns else column
        refuse_cells(shown, bad, expected, table, where, hint)

    for name in table["model"].unique(maintain_order=True):
        if why := check_model_name(name):
            refuse(table["model"], table["model"] == name, why)
    refuse(table["target"], ~table["target"].is_in([0, 1]), "0 or 1")
    refuse(table["split"], ~table["split"].is_in(list(SPLITS)), f"one of {', '.join(SPLITS)}")
    for name, most in (("seed", MOST_SEEDS), ("fold", MOST_FOLDS)):
        refuse(table[name], ~table[name].is_between(0, most - 1), f"from 0 to {most - 1}")
    p = table["probability"]
    bad = ~p.is_between(-ROUNDING, 1 + ROUNDING)
    percent = bad.any() and ((p >= 0) & (p <= 100)).all() and bool((p > 2).any())
    hint = "divide by 100 if these are percentages" if percent else ""
    refuse(p, bad, "a probability from 0 to 1", hint=hint)
    return p.clip(0, 1)


def _logit(table: pl.DataFrame, where: object) -> pl.Series:
    """The logit column, checked against the probability; made from it where it is missing."""
    if "logit" not in table.columns:
        return _logit_of(table["probability"])
    logit = _typed(table, "logit", where, gaps=True)
    if logit.is_null().all():
        return _logit_of(table["probability"])
    refuse = partial(refuse_cells, table=table, where=where)
    refuse(table["logit"], ~logit.is_finite().fill_null(False), "a finite number")
    apart = (1 / (1 + (-logit).exp()) - table["probability"]).abs() > SIGMOID_TOLERANCE
    hint = "drop the logit column to have it made from the probability"
    refuse(table["logit"], apart, "probability = 1 / (1 + exp(-logit)), to 0.001", hint=hint)
    return logit


def _logit_of(probability: pl.Series) -> pl.Series:
    """Finite logits that keep the order of all probabilities, 0 and 1 too.

    A probability of 0 becomes the logit of the least number above 0, a probability of 1 that of
    the number half as far from 1 as the greatest double below it.
    """
    clipped = probability.clip(5e-324, 1.0)
    logit = clipped.log() - (-clipped).log1p()
    return (
        pl.select(pl.when(probability >= 1).then(54 * pl.lit(2.0).log()).otherwise(logit))
        .to_series()
        .alias("logit")
    )

"""Ensembles: derived models whose logit is the mean of several networks' for the same tile.

An ensemble is added to the predictions before they are scored, and is then a model like any other:
it has a threshold from its own validation tiles, intervals, pairs and verdicts. It is never written
into runs.
"""

from collections.abc import Collection, Mapping
from functools import reduce
from operator import add

import polars as pl

from her2bench.core.errors import UserError, listed, nearest
from her2bench.core.ordinal import CUTS, SCORE_COLUMNS
from her2bench.core.score_notes import Note, make_note
from her2bench.core.score_parts import Ensemble
from her2bench.core.text import plural
from her2bench.core.vocabulary import ENSEMBLE
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.calibration_fits import SUREST

_KEY = ("fold", "split", "tile_id", "target")
_LOGIT = pl.col("logit").clip(-SUREST, SUREST)


def with_ensembles(
    table: pl.DataFrame, settings: ScoreSettings
) -> tuple[pl.DataFrame, tuple[Ensemble, ...], list[Note]]:
    """Add the ensembles that the settings ask for.

    Args:
        table: checked predictions.
        settings: `seed_ensembles` and `ensembles`.

    Returns:
        The table with the ensembles' rows last, the ensembles, and notes.

    Raises:
        UserError: a model is missing, a name is in use, or models were scored on different tiles.
    """
    present = table["model"].unique(maintain_order=True).to_list()
    if problem := ensembles_problem(settings.ensembles, present):
        raise UserError("score.ensembles", found=problem, hint="correct the name")
    found = [_ensemble(name, models, table) for name, models in settings.ensembles.items()]
    if settings.seed_ensembles:
        each = [_ensemble(f"{model}{ENSEMBLE}", (model,), table) for model in present]
        found = [*(one for one in each if one.networks > 1), *found]
    taken = [one.name for one in found if one.name in present]
    if taken:
        raise UserError(
            "score.seed_ensembles",
            found=f"the predictions have a model of the name {taken[0]!r} already",
            expected="predictions of single networks",
            hint="leave these rows out of the table, or set seed_ensembles = false",
        )
    rows = ensemble_rows(table, found)
    return pl.concat([table, rows]), tuple(found), ensemble_notes(found, table)


def ensembles_problem(ensembles: Mapping[str, Collection[str]], models: Collection[str]) -> str:
    """What is wrong with the wanted ensembles of these models; empty where nothing is.

    >>> ensembles_problem({"both": ("lenet", "alexnt")}, ("lenet", "alexnet"))
    "both: no model 'alexnt' (did you mean 'alexnet'?), expected models of lenet, alexnet"
    """
    for name, members in ensembles.items():
        if name in models:
            return f"{name!r} is the name of a model"
        for member in members:
            if member not in models:
                hint = f" ({near})" if (near := nearest(member, models)) else ""
                return f"{name}: no model {member!r}{hint}, expected models of {', '.join(models)}"
    return ""


def ensemble_rows(table: pl.DataFrame, ensembles: Collection[Ensemble]) -> pl.DataFrame:
    """The rows of ensembles, with the columns of the table; each has seed 0.

    A model's logit is the mean over its seeds, and over its folds where all of these judge the
    same test tiles; an ensemble's is the mean over its models. Logits are cut at ±36, or a single
    probability of 0 or 1 would decide alone. Of models of the scores the logits of a score of 1+,
    of 2+ and of 3+ or more are averaged in the same way; beside a binary model there are none.
    """
    parts = [_rows(one, table).select(table.columns) for one in ensembles]
    return pl.concat(parts) if parts else table.clear()


def _rows(one: Ensemble, table: pl.DataFrame) -> pl.DataFrame:
    means = [_mean_of_runs(table.filter(pl.col("model") == model)) for model in one.models]
    joined = pl.concat(means).with_columns(_models=pl.len().over(_KEY))
    lacking = joined.filter((pl.col("split") == "test") & (pl.col("_models") < len(one.models)))
    if lacking.height:
        tiles = lacking["tile_id"].unique().sort().to_list()
        raise UserError(
            f"score.ensembles.{one.name}",
            found=f"{len(tiles)} test tile(s) that not all of {', '.join(one.models)} were scored "
            f"on in the same fold with the same target:{listed(tiles, 5)}",
            expected="models scored on the same tiles",
            hint="predict the same tiles with each, or leave the ensemble out",
        )
    # A tile of another split that one of the models did not judge there says nothing of the others.
    whole = joined.filter(pl.col("_models") == len(one.models))
    return _averaged(whole, _KEY).with_columns(model=pl.lit(one.name))


def _mean_of_runs(rows: pl.DataFrame) -> pl.DataFrame:
    """One model's rows averaged over seeds, and over folds that judge the same test tiles."""
    if folds_alike(rows):
        rows = rows.with_columns(fold=pl.lit(0, dtype=rows.schema["fold"]))
    return _averaged(rows, _KEY)


def _averaged(rows: pl.DataFrame, key: Collection[str]) -> pl.DataFrame:
    ordinal = set(SCORE_COLUMNS) <= set(rows.columns)
    cuts = [_logit_at(cut).alias(f"_logit_at_{cut}") for cut in CUTS] if ordinal else []
    apart = (*key, "logit", *(SCORE_COLUMNS if ordinal else ()))
    means = rows.group_by(key, maintain_order=True).agg(
        _LOGIT.mean(), *cuts, pl.exclude(*apart).first()
    )
    if ordinal:
        one, two, three = (_probability(f"_logit_at_{cut}") for cut in CUTS)
        means = means.with_columns(p0=1 - one, p1=one - two, p2=two - three, p3=three)
    return means.with_columns(
        seed=pl.lit(0, dtype=rows.schema["seed"]), probability=_probability("logit")
    ).select(rows.columns)


def _logit_at(cut: int) -> pl.Expr:
    """The mean logit of a score of `cut` or more; null where a network knows no scores."""
    sides = SCORE_COLUMNS[cut:], SCORE_COLUMNS[:cut]
    above, below = (reduce(add, map(pl.col, side)) for side in sides)
    logit = (above.log() - below.log()).clip(-SUREST, SUREST)
    return pl.when(pl.col(SCORE_COLUMNS[0]).null_count() == 0).then(logit.mean())


def _probability(logit: str) -> pl.Expr:
    return 1 / (1 + (-pl.col(logit)).exp())


def folds_alike(rows: pl.DataFrame) -> bool:
    """Whether a model has networks of several folds, and all judge the same test tiles."""
    test = rows.filter(pl.col("split") == "test")
    folds = test["fold"].n_unique() if test.height else 0
    by_tile = test.group_by("tile_id").agg(pl.col("fold").n_unique())
    return folds > 1 and bool((by_tile["fold"] == folds).all())


def _ensemble(name: str, models: Collection[str], table: pl.DataFrame) -> Ensemble:
    parts = [table.filter(pl.col("model") == model) for model in models]
    alike = [folds_alike(part) for part in parts]
    networks = [
        part.select("seed", *(["fold"] if pooled else [])).n_unique()
        for part, pooled in zip(parts, alike, strict=True)
    ]
    return Ensemble(name, tuple(models), sum(networks), any(alike))


def ensemble_notes(ensembles: Collection[Ensemble], table: pl.DataFrame) -> list[Note]:
    """What the ensembles are made of, and which have validation tiles of fewer networks."""
    if not ensembles:
        return []
    made = "; ".join(made_of(one) for one in ensembles)
    text = (
        f"Derived, not trained: {made}. An ensemble's logit is the mean over its networks, its "
        "threshold is its own. It is compared for these trained weights only, and corrected apart "
        "from the other pairs."
    )
    names = tuple(one.name for one in ensembles)
    notes = [make_note("ensembles", text, models=names)]
    pooled = tuple(one.name for one in ensembles if one.folds)
    if pooled and (table["split"] == "val").any():
        text = (
            f"{', '.join(pooled)}: the networks of all folds judge a test tile, but only those "
            "that were not trained on it a validation tile. A threshold chosen on these suits "
            "the mean of fewer networks."
        )
        notes.append(make_note("ensemble_validation", text, models=pooled))
    return notes


def made_of(one: Ensemble) -> str:
    """An ensemble in words.

    >>> made_of(Ensemble("both", ("lenet", "alexnet"), 6))
    'both, the mean of 6 networks (lenet, alexnet)'
    """
    networks = f"{one.networks} {plural(one.networks, 'network')}"
    return f"{one.name}, the mean of {networks} ({', '.join(one.models)})"

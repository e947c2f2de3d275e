"""Runs (model, seed and fold) and their thresholds: chosen on val, then frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.score_notes import Note, make_note
from her2bench.core.scores import RunThreshold
from her2bench.evaluation.scoring.settings import ThresholdRule
from her2bench.evaluation.scoring.thresholds import choose_threshold, fixed_threshold
from her2bench.evaluation.statistics.probabilistic import sigmoid

RUN = ("model", "seed", "fold")
_COLUMNS = {
    "model": pl.String,
    "seed": pl.Int64,
    "fold": pl.Int64,
    "logit": pl.Float64,
    "probability": pl.Float64,
    "scale": pl.String,
}
_NAMES = {"logit": "threshold", "probability": "_probability", "scale": "_scale"}


def apply_thresholds(
    table: pl.DataFrame, rule: ThresholdRule
) -> tuple[pl.DataFrame, tuple[RunThreshold, ...], list[Note]]:
    """Find each run's threshold on its own validation tiles and classify every tile with it.

    Args:
        table: checked predictions.
        rule: how to choose.

    Returns:
        The table with a Boolean column `call` (above the threshold), the thresholds, and notes.

    Raises:
        UserError: the rule needs validation tiles and a run has none.
    """
    runs = table.select(RUN).unique(maintain_order=True)
    val = table.filter(pl.col("split") == "val").partition_by(RUN, as_dict=True)
    _refuse_without_validation(runs, val, rule)
    thresholds = tuple(_threshold(run, val.get(run), rule) for run in runs.iter_rows())
    called = with_calls(table, thresholds)
    return called.drop("threshold"), thresholds, _notes(thresholds, rule)


def with_calls(table: pl.DataFrame, thresholds: Sequence[RunThreshold]) -> pl.DataFrame:
    """Predictions with `threshold` (its run's, a logit) and `call` (Boolean): above it or not.

    Args:
        table: predictions.
        thresholds: one per run; of a run without one it is probability 0.5.
    """
    frame = pl.DataFrame([asdict(each) for each in thresholds], schema=_COLUMNS).rename(_NAMES)
    joined = table.drop("threshold", strict=False)
    joined = joined.join(frame, on=RUN, how="left", maintain_order="left").with_columns(
        pl.col("threshold").fill_null(0.0),
        pl.col("_probability").fill_null(0.5),
        pl.col("_scale").fill_null("probability"),
    )
    call = (
        pl.when(pl.col("_scale") == "probability")
        .then(pl.col("probability") > pl.col("_probability"))
        .otherwise(pl.col("logit") > pl.col("threshold"))
    )
    return joined.with_columns(call=call).drop("_probability", "_scale")


def _refuse_without_validation(runs: pl.DataFrame, val: Mapping, rule: ThresholdRule) -> None:
    """A threshold is never chosen on test tiles, and another rule is not what was asked for."""
    without = [f"{m}, seed {s}, fold {f}" for m, s, f in runs.iter_rows() if (m, s, f) not in val]
    if rule.kind != "fixed" and without:
        raise UserError(
            "threshold",
            found=f"no validation tiles to choose it on (rule {rule.kind}):{listed(without, 5)}",
            expected="rows of each run whose column split is val",
            hint="add them, or name a threshold: --rule fixed --threshold 0.5",
        )


def _threshold(run: tuple, val: pl.DataFrame | None, rule: ThresholdRule) -> RunThreshold:
    model, seed, fold = run
    if rule.kind == "fixed" or val is None:  # a rule that needs val was refused without it
        return _fixed(run, rule)
    try:
        logit = choose_threshold(val["logit"].to_numpy(), val["target"].to_numpy() == 1, rule)
    except UserError as error:
        raise UserError(
            f"model {model}, seed {seed}, fold {fold}, {error.where}",
            found=error.found,
            expected=error.expected,
            hint=error.hint,
        ) from error
    return RunThreshold(model, seed, fold, logit, _probability(logit), "val")


def _fixed(run: tuple, rule: ThresholdRule) -> RunThreshold:
    model, seed, fold = run
    logit = fixed_threshold(rule)
    if rule.logit is not None:
        return RunThreshold(model, seed, fold, logit, _probability(logit), "fixed")
    probability = 0.5 if rule.probability is None else rule.probability
    return RunThreshold(model, seed, fold, logit, probability, "fixed", "probability")


def _probability(logit: float) -> float:
    return float(sigmoid(np.array([logit]))[0])


def _notes(thresholds: tuple[RunThreshold, ...], rule: ThresholdRule) -> list[Note]:
    if rule.kind == "fixed":
        return []
    text = (
        f"Thresholds were chosen on validation tiles (rule {rule.kind}), one per run, and frozen; "
        "on val itself the metrics at the threshold are therefore optimistic."
    )
    return [make_note("thresholds", text)] if thresholds else []

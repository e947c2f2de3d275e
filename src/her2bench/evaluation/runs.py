"""Runs (model, seed and fold) and their thresholds: chosen on val, then frozen."""

import math
from dataclasses import dataclass

import polars as pl

from her2bench.core.errors import UserError
from her2bench.evaluation.settings import ThresholdRule
from her2bench.evaluation.thresholds import choose_threshold, fixed_threshold

RUN = ("model", "seed", "fold")


@dataclass(frozen=True)
class RunThreshold:
    """The threshold of one run: `source` tells where it comes from, "val" or "fixed"."""

    model: str
    seed: int
    fold: int
    logit: float
    probability: float
    source: str


def apply_thresholds(
    table: pl.DataFrame, rule: ThresholdRule
) -> tuple[pl.DataFrame, tuple[RunThreshold, ...], list[str]]:
    """Find each run's threshold on its own validation tiles and call every tile with it.

    Args:
        table: checked predictions.
        rule: how to choose.

    Returns:
        The table with a Boolean column `call` (logit > threshold), the thresholds, and notes.
    """
    runs = table.select(RUN).unique(maintain_order=True)
    val = table.filter(pl.col("split") == "val").partition_by(RUN, as_dict=True)
    thresholds = tuple(_threshold(run, val.get(run), rule) for run in runs.iter_rows())
    logits = pl.Series("_threshold", [t.logit for t in thresholds])
    called = table.join(runs.with_columns(logits), on=RUN, how="left", maintain_order="left")
    called = called.with_columns(call=pl.col("logit") > pl.col("_threshold")).drop("_threshold")
    return called, thresholds, _notes(thresholds, rule)


def _threshold(run: tuple, val: pl.DataFrame | None, rule: ThresholdRule) -> RunThreshold:
    model, seed, fold = run
    if rule.kind == "fixed" or val is None:
        logit, source = fixed_threshold(rule), "fixed"
    else:
        try:
            logit = choose_threshold(val["logit"].to_numpy(), val["target"].to_numpy() == 1, rule)
        except UserError as error:
            raise UserError(
                f"model {model}, seed {seed}, fold {fold}, {error.where}",
                found=error.found,
                expected=error.expected,
                cure=error.cure,
            ) from error
        source = "val"
    return RunThreshold(model, seed, fold, logit, _sigmoid(logit), source)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def _notes(thresholds: tuple[RunThreshold, ...], rule: ThresholdRule) -> list[str]:
    if rule.kind == "fixed":
        return []
    without = list(dict.fromkeys(t.model for t in thresholds if t.source == "fixed"))
    if not without:
        return [
            f"Thresholds were chosen on validation tiles (rule {rule.kind}), one a run, and "
            "frozen; on val itself the metrics at the threshold are therefore flattered."
        ]
    return [
        f"No validation tiles for {', '.join(without)}: the rule {rule.kind!r} could not be used, "
        "and the threshold is probability 0.5. Thresholds are never chosen on test tiles."
    ]

"""`her2bench.score`: from predictions to metrics with intervals, tests and verdicts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.api.frames import Table, as_polars, is_path
from her2bench.api.results import ScoreResults
from her2bench.core.manifest import check_manifest, read_manifest
from her2bench.core.predictions import check_predictions, joined_with, read_predictions
from her2bench.core.scores import Scores, read_scores
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import score_settings


def load_predictions(
    source: Table | Sequence[str | Path], *, also: Iterable[str] = ()
) -> pl.DataFrame:
    """Read and check a predictions table, one row per tile, model, seed and fold.

    Args:
        source: a `.csv` or `.parquet` path or several, a polars or pandas frame, or a dict of
            columns. Required: `model, tile_id, target, probability`; `group_id` (the slide or
            patient) should be there, or tiles count as independent.
        also: further columns to keep, for breakdowns.

    Returns:
        The table with all columns of the format; what was missing is filled.

    Raises:
        UserError: a file cannot be read, a column is missing, a value is not of its kind.
    """
    if is_path(source):
        return read_predictions([Path(source)], also)  # type: ignore[arg-type]
    if isinstance(source, list | tuple):
        return read_predictions([Path(path) for path in source], also)
    return check_predictions(as_polars(source))


def load_scores(path: str | Path) -> Scores:
    """Read a `scores.json`.

    Raises:
        UserError: it is not there, damaged, or of an unknown schema.
    """
    return read_scores(Path(path))


def score(
    predictions: Table | Sequence[str | Path],
    *,
    manifest: Table | None = None,
    **settings: Any,
) -> ScoreResults:
    """Score every model and compare the models on the same test tiles.

    Args:
        predictions: as `load_predictions` takes them.
        manifest: a path or frame with `score`, `tile_score`, `group_id` or the columns of `by`,
            joined by `tile_id`.
        settings: those of `[score]` in a config, e.g. `primary="roc_auc"`, `margin=0.02`,
            `confidence=0.95`, `bootstrap=2000`, `threshold={"kind": "youden"}`,
            `by=["scanner"]`, `at_specificity=0.95`, `seed=0`.

    Returns:
        The scores, with `.verdicts`, `.to_polars()` and `.to_pandas()`.

    Raises:
        UserError: a table or a setting is wrong, or models were judged on different test tiles.
    """
    chosen = score_settings(settings)
    table = load_predictions(predictions, also=chosen.by)
    if manifest is not None:
        where = manifest if is_path(manifest) else "manifest"
        known = (
            read_manifest(Path(manifest), chosen.by)  # type: ignore[arg-type]
            if is_path(manifest)
            else check_manifest(as_polars(manifest), Path())
        )
        table = joined_with(table, known, where, chosen.by)
    return ScoreResults(score_predictions(table, chosen), table)

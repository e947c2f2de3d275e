"""`her2bench.score`: from predictions to metrics with intervals, tests and verdicts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.api.frames import Table, Tables, as_polars
from her2bench.api.results import ScoreResults
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError, listed, shown
from her2bench.core.manifest import check_manifest, read_manifest, with_manifest
from her2bench.core.predictions import check_predictions, read_predictions
from her2bench.core.score_columns import at_endpoint
from her2bench.core.scores import Scores, read_scores
from her2bench.core.tables import with_names
from her2bench.evaluation.scoring.levels import score_levels, score_slides
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import SlideSettings

LEVELS = ("tile", "slide", "both")


def load_predictions(
    source: Tables, *, also: Iterable[str] = (), columns: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Read and check a predictions table, one row per tile, model, seed and fold.

    Args:
        source: a `.csv` or `.parquet` path or several, a polars or pandas frame, or a dict of
            columns. `{"old": "a.csv", "new": "b.csv"}` names the one model of each file; so does
            a list of `(name, path)`. Required: `model, tile_id, target, probability`; of a file
            without `model` its name is the model. `group_id` (the slide or patient) is
            recommended; without it tiles count as independent. With `score` and the
            probabilities of the scores, `p0` to `p3`, target and probability are made from them.
        also: further columns to keep, for breakdowns.
        columns: our name → the tables' own name of a column, `{"probability": "prob"}`.

    Returns:
        The table with all columns of the format; missing ones are filled.

    Raises:
        UserError: a file cannot be read, a column is missing, a value has the wrong type.
    """
    files = _files(source)
    if files is None:
        return check_predictions(with_names(as_polars(source), columns or {}, "predictions"))
    paths = [Path(path) for _, path in files]
    return read_predictions(paths, also, columns, [name for name, _ in files])


def _files(source: Any) -> list[tuple[str | None, str | Path]] | None:
    """The files of a source, each with the name of its model or None; None where it is a frame."""
    if isinstance(source, str | Path):
        return [(None, source)]
    if isinstance(source, Mapping) and source:
        named = all(isinstance(path, str | Path) for path in source.values())
        return list(source.items()) if named else None
    if isinstance(source, list | tuple):
        return [entry if isinstance(entry, tuple) else (None, entry) for entry in source]
    return None


def load_scores(path: str | Path) -> Scores:
    """Read a `scores.json`.

    Raises:
        UserError: it is missing, damaged, or of an unknown schema.
    """
    return read_scores(Path(path))


def score(
    predictions: Tables,
    *,
    manifest: Table | None = None,
    columns: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    level: str = "tile",
    aggregate: str | None = None,
    quantile: float | None = None,
    slide_threshold: Mapping[str, Any] | None = None,
    **settings: Any,
) -> ScoreResults:
    """Score every model and compare the models on the same test tiles, or test slides.

    Args:
        predictions: as `load_predictions` takes them.
        manifest: a path or frame with `score`, `tile_score`, `group_id` or the columns of `by`,
            joined by `tile_id`.
        columns: our name → the tables' own name of a column, as in `load_predictions`.
        endpoint: "1+", "2+" or "3+": the binary metrics of models with `score` and `p0` to `p3`
            at this cut, beside binary models of the same. Of other tables the target decides.
        level: "tile"; "slide": a slide's tiles are put together and slides are scored; "both":
            tiles, and slides in `.slide`.
        aggregate: of slides: "mean" (the default), "median", "share" (of the tiles predicted
            positive), "quantile", or "choose" (on each run's validation slides).
        quantile: of the aggregate "quantile".
        slide_threshold: the rule of the slides' thresholds, `{"kind": "youden"}`; by default that
            of the tiles.
        settings: those of `[score]` in a config, e.g. `primary="roc_auc"`, `margin=0.02`,
            `confidence=0.95`, `bootstrap=2000`, `threshold={"kind": "youden"}`,
            `by=["scanner"]`, `at_specificity=0.95`, `seed=0`.

    Returns:
        The scores, with `.verdicts`, `.to_polars()` and `.to_pandas()`.

    Raises:
        UserError: a table or a setting is wrong, or models have different test tiles.
    """
    checked = settings_from(ScoreSettings, settings, "score")
    given = {"aggregate": aggregate, "quantile": quantile, "threshold": slide_threshold}
    slide = slide_choices(level, {k: v for k, v in given.items() if v is not None})
    return scored(predictions, checked, manifest, columns, level, slide, endpoint)


def slide_choices(level: str, given: Mapping[str, Any]) -> SlideSettings | None:
    """The settings of the slides; None where tiles alone are scored.

    Raises:
        UserError: no such level, a wrong setting, or one that no level asks for.
    """
    if level not in LEVELS:
        raise UserError("level", found=shown(level), expected=f"one of {', '.join(LEVELS)}")
    if level != "tile":
        return settings_from(SlideSettings, dict(given), "slide level")
    if given:
        raise UserError(
            "level",
            found=f"'tile', and settings of slides: {', '.join(given)}",
            expected="level 'slide' or 'both' with these",
            hint="name the level, or leave them out",
        )
    return None


def scored(
    predictions: Tables,
    settings: ScoreSettings,
    manifest: Table | None,
    columns: Mapping[str, str] | None = None,
    level: str = "tile",
    slide: SlideSettings | None = None,
    endpoint: str | None = None,
) -> ScoreResults:
    """As `score`, with settings that are checked already."""
    table = load_predictions(predictions, also=settings.by, columns=columns)
    if manifest is not None:
        table = _joined(table, manifest, settings.by)
    if endpoint is not None:
        table = at_endpoint(table, endpoint)
    if level == "slide" and slide is not None:
        return ScoreResults(*score_slides(table, settings, slide))
    return ScoreResults(score_levels(table, settings, slide), table)


def _joined(table: pl.DataFrame, manifest: Table, by: tuple[str, ...]) -> pl.DataFrame:
    """The predictions with what the manifest knows of the tiles; their own columns win."""
    if isinstance(manifest, str | Path):
        where, known = str(manifest), read_manifest(Path(manifest), by)
    else:
        where, known = "manifest", check_manifest(as_polars(manifest), Path("manifest"))
    if table["group_id"].is_null().all():
        table = table.drop("group_id")
    missing = sorted(set(table["tile_id"]) - set(known["tile_id"]))
    if missing:
        raise UserError(
            where,
            found=f"{len(missing)} tile_id of the predictions are not in it:{listed(missing, 5)}",
            expected="a row for every tile predicted",
            hint="name the manifest that the predictions were made from",
        )
    joined = with_manifest(table, known, ("score", "tile_score", "group_id", *by))
    return check_predictions(joined, where)

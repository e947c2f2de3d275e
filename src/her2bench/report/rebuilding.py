"""A comparison's scores and report made anew with other settings, from its predictions alone."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w

from her2bench.core.config import settings_from, with_overrides
from her2bench.core.errors import UserError, shown
from her2bench.core.manifest import read_manifest, with_manifest
from her2bench.core.predictions import read_predictions
from her2bench.core.report_settings import report_settings, unknown_models
from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.core.score_notes import NoteKind
from her2bench.core.scores import Scores, read_scores, write_scores
from her2bench.core.tables import write_table
from her2bench.core.vocabulary import model_name
from her2bench.evaluation.scoring.breakdown import require_columns_to_break_down
from her2bench.evaluation.scoring.levels import score_levels
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import SlideSettings, slide_settings
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.gallery_files import gallery_path
from her2bench.report.pages.report_page import write_report
from her2bench.report.table_csv import result_table, run_table

_FREE = ("score", "slide", "report", "licence")
_KEPT: tuple[NoteKind, ...] = ("random_tiles", "own_split_unused")  # of the split, not the scores


def rebuild(folder: ComparisonFolder, overrides: Sequence[str] = ()) -> Path:
    """Write the report again, with other settings of scores and report where given.

    Settings that are given are kept in comparison.toml, so that the next report agrees. Other
    thresholds also hold for prediction: each run's DONE has its own. The gallery of misclassified
    tiles is then left out until `compare` draws it again.

    Args:
        folder: a comparison.
        overrides: `key=value` texts; of `score`, `slide`, `report` and `licence`.

    Returns:
        The path of report.html.

    Raises:
        UserError: another setting, which would need training, or a wrong value; nothing is written.
    """
    if not overrides:
        return write_report(folder)
    before = folder.settings()
    _refuse_training(overrides)
    config = with_overrides(before, overrides)
    settings = settings_from(ScoreSettings, config.get("score") or {}, "--set")
    slide = slide_settings(config, "--set")
    models = (*map(model_name, config.get("models", [])), *config.get("baselines", []))
    if problem := unknown_models(report_settings(config, "--set"), models):
        raise UserError("--set", found=problem, hint="correct the name")
    if any(config.get(section) != before.get(section) for section in ("score", "slide")):
        _score_again(folder, settings, slide)
    _write_settings(folder, config)
    return write_report(folder)


def write_scored(folder: ComparisonFolder, scores: Scores) -> None:
    """Write scores.json, table.csv (of slides too) and each run's threshold."""
    for each in scores.thresholds:
        run = folder.run(each.model, each.seed, each.fold)
        if run.done:
            run.set_threshold(each.logit)
    write_scores(scores, folder.scores)
    write_table(result_table(scores, run_table(folder)), folder.table)
    folder.slide_table.unlink(missing_ok=True)
    if scores.slide is not None:
        write_table(result_table(scores.slide, pl.DataFrame()), folder.slide_table)
    folder.seal(folder.predictions, folder.scores, folder.table, folder.slide_table)


def _refuse_training(overrides: Sequence[str]) -> None:
    for text in overrides:
        section = text.partition("=")[0].strip().partition(".")[0]
        if section not in _FREE:
            raise UserError(
                "--set",
                found=f"{shown(text)}, which the runs depend on",
                expected=f"a setting of {', '.join(_FREE)}",
                hint="change it in the config and compare into another folder",
            )


def _score_again(
    folder: ComparisonFolder, settings: ScoreSettings, slide: SlideSettings | None
) -> None:
    if not folder.predictions.is_file() or not folder.scores.is_file():
        raise UserError(
            folder.path,
            found="no scores to change: the comparison is not finished",
            hint="finish it with `her2bench compare`",
        )
    folder.check(folder.predictions, folder.scores, folder.manifest)
    table, old = read_predictions([folder.predictions]), read_scores(folder.scores)
    if folder.manifest.is_file():
        table = with_manifest(table, read_manifest(folder.manifest, settings.by))
    require_columns_to_break_down(table.columns, settings.by)
    scores = score_levels(table, settings, slide)
    notes = (*(note for note in old.notes if note.kind in _KEPT), *scores.notes)
    kept = {"optimism": _still_true(old, scores), "tuning": old.tuning}
    write_scored(folder, replace(scores, notes=notes, **kept))
    if scores.thresholds != old.thresholds:  # it shows tiles on the wrong side of a threshold
        shutil.rmtree(gallery_path(folder), ignore_errors=True)


def _still_true(old: Scores, new: Scores) -> tuple[Any, ...]:
    """The optimism of what does not depend on thresholds, or all where they stay."""
    if old.thresholds == new.thresholds:
        return tuple(old.optimism)
    return tuple(row for row in old.optimism if METRICS[row.metric].sees == "probabilities")


def _write_settings(folder: ComparisonFolder, config: dict[str, Any]) -> None:
    write_text(folder.config, tomli_w.dumps(config))
    folder.seal(folder.config)

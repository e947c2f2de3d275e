"""The inputs of a report: the comparison folder, read once; files may be missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.core.audit_findings import Audit, read_audit
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest, with_manifest
from her2bench.core.predictions import read_predictions
from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_parts import Ensemble
from her2bench.core.scores import Scores, read_scores
from her2bench.core.tables import Wanted, read_table
from her2bench.core.values import refuse_rows, typed
from her2bench.core.vocabulary import BASELINES, model_name
from her2bench.evaluation.scoring.ensembles import ensemble_rows
from her2bench.evaluation.scoring.levels import score_levels, slides_of
from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.evaluation.scoring.run_thresholds import with_calls
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import slide_settings
from her2bench.report.table_csv import epoch_table, run_table

FROM_PREDICTIONS = "predictions"  # the `source` in such a comparison.toml
SPLITS_COLUMNS = {
    "tile_id": pl.String,
    "group_id": pl.String,
    "target": pl.Int8,
    "fold": pl.Int64,
    "split": pl.String,
}


@dataclass(frozen=True)
class ReportInputs:
    """A comparison folder in memory.

    Args:
        folder: its path.
        config: comparison.toml.
        scores: scores.json, or the scores of the finished runs.
        predictions: all predictions with `call` (Boolean) and, where the manifest knows it,
            `score`; no rows when no run is finished.
        manifest, splits: the tables, with no columns where the file is missing.
        runs: summary of each finished run.
        epochs: all metrics.csv.
        audit: the findings; None without an audit.
        missing: (model, seed, fold) of the runs that are not finished.
    """

    folder: ComparisonFolder
    config: dict[str, Any]
    scores: Scores
    predictions: pl.DataFrame
    manifest: pl.DataFrame
    splits: pl.DataFrame
    runs: pl.DataFrame
    epochs: pl.DataFrame
    audit: Audit | None = None
    missing: list[tuple[str, int, int]] = field(default_factory=list)

    @cached_property
    def split(self) -> str | None:
        """The split that is shown: test; where there is none, validation, then training."""
        present = set(self.predictions["split"]) if self.predictions.height else set()
        return next((s for s in ("test", "val", "train") if s in present), None)

    @cached_property
    def shown(self) -> pl.DataFrame:
        """The predictions of the split that is shown."""
        if self.split is None:
            return self.predictions
        return self.predictions.filter(pl.col("split") == self.split)

    @cached_property
    def models(self) -> list[str]:
        """Networks in the order of the config, then baselines."""
        if not self.predictions.height:
            return []
        present = self.predictions["model"].unique(maintain_order=True).to_list()
        chosen = (self.config.get("report") or {}).get("order", [])
        named = (*chosen, *map(model_name, self.config.get("models", [])))
        first = [m for m in dict.fromkeys(named) if m in present]
        ordered = [*first, *(m for m in present if m not in first)]
        return sorted(ordered, key=self._is_baseline)

    @property
    def networks(self) -> list[str]:
        """The models that are neither baselines nor ensembles."""
        derived = self.ensembles
        return [m for m in self.models if not self._is_baseline(m) and m not in derived]

    @property
    def ensembles(self) -> dict[str, Ensemble]:
        """The models that are derived from others, by name."""
        return {one.name: one for one in self.scores.ensembles}

    @property
    def baselines(self) -> list[str]:
        """The baselines, those of this project first."""
        names = dict.fromkeys([*BASELINES, *self.models])
        return [model for model in names if model in self.models and self._is_baseline(model)]

    def _is_baseline(self, model: str) -> bool:
        return model in BASELINES or model in self.config.get("baselines", [])

    @cached_property
    def settings(self) -> ScoreSettings:
        """The settings of the statistics."""
        if self.scores.settings:
            return settings_from(ScoreSettings, self.scores.settings, self.folder.scores)
        return settings_from(ScoreSettings, self.config.get("score") or {}, self.folder.config)

    @cached_property
    def slides(self) -> pl.DataFrame:
        """The slides of the shown split with `threshold` and `call`, as they were scored.

        No rows without scores at slide level.
        """
        if self.scores.slide is None or not self.shown.height:
            return pl.DataFrame()
        return slides_of(self.shown, self.scores.thresholds, self.scores.slide)

    @property
    def from_predictions(self) -> bool:
        """Whether images and training are unknown: a report from predictions alone."""
        return self.config.get("source") == FROM_PREDICTIONS

    @property
    def grouped(self) -> bool:
        """Whether the slides of the shown tiles are known."""
        return bool(self.shown.height) and not self.shown["group_id"].is_null().all()


def read_inputs(folder: ComparisonFolder) -> ReportInputs:
    """Read a comparison folder; unfinished runs are named in `missing`.

    Raises:
        UserError: a file cannot be read.
    """
    config = folder.settings()
    folder.check(*folder.first_files, folder.predictions, folder.scores, folder.audit)
    with _written_by_compare():
        manifest, splits = _manifest(folder.manifest), _splits(folder.splits)
        predicted = _predictions(folder)
    runs, epochs = run_table(folder), epoch_table(folder)
    missing = _unfinished(config, splits, folder)
    predictions = with_manifest(predicted, manifest)
    scores = _scores(folder, predictions, config)
    called = predictions
    if predictions.height:
        present = set(predictions["model"])
        missing_rows = [one for one in scores.ensembles if one.name not in present]
        derived = ensemble_rows(_comparable(predictions), missing_rows)
        called = with_calls(pl.concat([predictions, derived]), scores.thresholds)
    audit = read_audit(folder.audit) if folder.audit.is_file() else None
    return ReportInputs(
        folder, config, scores, called, manifest, splits, runs, epochs, audit, missing
    )


@contextmanager
def _written_by_compare() -> Iterator[None]:
    """Replace the hint for a malformed table, which the user did not write."""
    try:
        yield
    except UserError as error:
        expected = "the file as `her2bench compare` wrote it"
        hint = "run the comparison again; what is finished is kept"
        raise UserError(error.where, found=error.found, expected=expected, hint=hint) from error


def _manifest(path: Path) -> pl.DataFrame:
    return read_manifest(path) if path.is_file() else pl.DataFrame()


def _splits(path: Path) -> pl.DataFrame:
    if not path.is_file():
        return pl.DataFrame()
    table = read_table(path, Wanted(tuple(SPLITS_COLUMNS)))
    refuse = partial(refuse_rows, where=path)
    return table.select(typed(table[n], kind, path, refuse) for n, kind in SPLITS_COLUMNS.items())


def _predictions(folder: ComparisonFolder) -> pl.DataFrame:
    """predictions.parquet; before it is written, the predictions of the finished runs."""
    if folder.predictions.is_file():
        return read_predictions([folder.predictions])
    runs = [run for *_, run in folder.finished_runs()]
    for run in runs:
        run.check(run.predictions)
    tables = [read_predictions([run.predictions]) for run in runs if run.predictions.is_file()]
    return pl.concat(tables) if tables else pl.DataFrame()


def _scores(folder: ComparisonFolder, predictions: pl.DataFrame, config: dict[str, Any]) -> Scores:
    if folder.scores.is_file():
        return read_scores(folder.scores)
    if not predictions.height:
        return Scores()
    settings = settings_from(ScoreSettings, config.get("score", {}), folder.config)
    slide = slide_settings(config, folder.config)
    return score_levels(_comparable(predictions), settings, slide)


def _comparable(predictions: pl.DataFrame) -> pl.DataFrame:
    """The runs that cover all folds; others do not have the same tiles yet."""
    folds = predictions["fold"].n_unique()
    return predictions.filter(pl.col("fold").n_unique().over("model", "seed") == folds)


def _unfinished(
    config: dict[str, Any], splits: pl.DataFrame, folder: ComparisonFolder
) -> list[tuple[str, int, int]]:
    if config.get("source") == FROM_PREDICTIONS:
        return []
    folds = splits["fold"].unique().sort().to_list() if "fold" in splits.columns else [0]
    models = map(model_name, config.get("models", []))
    wanted = [(m, s) for m in models for s in config.get("seeds", [0])]
    wanted += [(b, 0) for b in config.get("baselines", [])]
    return [
        (model, seed, fold)
        for model, seed in wanted
        for fold in folds
        if not folder.run(model, seed, fold).done
    ]


def shown_panels(material: ReportInputs) -> dict[str, Panel]:
    """Model → panel of the shown split; seeds that lack tiles of the first seed are left out."""
    if material.split is None:
        return {}
    return {
        model: make_panel(_whole_seeds(material.shown, model), model, material.split)
        for model in material.models
    }


def _whole_seeds(shown: pl.DataFrame, model: str) -> pl.DataFrame:
    rows = shown.filter(pl.col("model") == model)
    most = rows.group_by("seed").len()["len"].max()
    return rows.filter(pl.len().over("seed") == most)

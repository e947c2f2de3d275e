"""The one way in: a predictions table and the settings give all scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from her2bench.core.errors import UserError, listed
from her2bench.core.score_notes import Note
from her2bench.core.score_parts import Ensemble, Interaction, Subgroup
from her2bench.core.scores import Breakdown, Pair, Row, Scores, ScoreTable
from her2bench.core.vocabulary import SPLITS
from her2bench.evaluation.scoring.breakdown import break_down, ceiling
from her2bench.evaluation.scoring.cuts import cut_results
from her2bench.evaluation.scoring.ensembles import ensemble_notes, with_ensembles
from her2bench.evaluation.scoring.extra_rows import line_rows
from her2bench.evaluation.scoring.model_evaluation import ModelEvaluation, judge
from her2bench.evaluation.scoring.notes import (
    constant_notes,
    pair_notes,
    row_notes,
    sample_notes,
    seed_notes,
    table_notes,
    unlike_notes,
)
from her2bench.evaluation.scoring.ordinal_notes import ordinal_notes
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.panels import require_same_tiles
from her2bench.evaluation.scoring.point_rows import point_results
from her2bench.evaluation.scoring.predictive_rows import predictive_rows
from her2bench.evaluation.scoring.recalibration import recalibrate
from her2bench.evaluation.scoring.rows import make_row
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds
from her2bench.evaluation.scoring.score_tables import score_tables
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.subgroups import by_subgroups


def score_predictions(
    table: pl.DataFrame,
    settings: ScoreSettings | None = None,
    ensembles: tuple[Ensemble, ...] = (),
) -> Scores:
    """Score every model on every split, and compare the models on the test tiles.

    Args:
        table: checked predictions (`core.predictions.read_predictions` or `check_predictions`).
        settings: the choices; the defaults where None.
        ensembles: those that the table has rows of already; the settings may ask for further ones.

    Returns:
        The scores. Notes stand in the order of their weight: models with different training or
        validation tiles first, then unknown slides.

    Raises:
        UserError: models were scored on different test tiles or targets, seeds on different
            ones, a threshold cannot be chosen, or a column to break down by is missing.
    """
    settings = settings or ScoreSettings()
    derived = ensemble_notes(ensembles, table)
    table, further, notes_of_further = with_ensembles(table, settings)
    ensembles, derived = (*ensembles, *further), [*derived, *notes_of_further]
    table, thresholds, notes = apply_thresholds(table, settings.threshold)
    rows, of_test, about = _by_split(table, settings, [one.name for one in ensembles])
    calibration, calibration_notes = recalibrate(table, settings.bins)
    notes = [
        *about,
        *(*seed_notes(of_test.pairs, rows, settings), *pair_notes(of_test.pairs, settings)),
        *(*notes, *derived, *table_notes(table), *row_notes(rows), *calibration_notes),
        *(*of_test.notes, *ordinal_notes(table, of_test.tables)),
    ]
    return Scores(
        rows=tuple(rows),
        pairs=of_test.pairs,
        notes=tuple(notes),
        breakdown=of_test.breakdown,
        score_tables=of_test.tables,
        calibration=calibration,
        thresholds=thresholds,
        ensembles=ensembles,
        subgroups=of_test.subgroups,
        interactions=of_test.interactions,
        settings=settings.model_dump(mode="json"),
    )


@dataclass(frozen=True)
class _OfTest:
    """What is computed of the test tiles alone."""

    pairs: tuple[Pair, ...] = ()
    breakdown: tuple[Breakdown, ...] = ()
    tables: tuple[ScoreTable, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    notes: Sequence[Note] = ()


def _by_split(
    table: pl.DataFrame, settings: ScoreSettings, ensembles: list[str]
) -> tuple[list[Row], _OfTest, list[Note]]:
    """The rows of all splits, what is computed of the test tiles, and notes about the tiles."""
    rows: list[Row] = []
    of_test = _OfTest()
    unlike: list[Note] = []
    about: list[Note] = []
    for split in (split for split in SPLITS if (table["split"] == split).any()):
        judged = judge(table.filter(pl.col("split") == split), split, settings, ensembles)
        _require_primary(judged, settings.primary)
        if split == "test":
            _require_comparable(judged)
        points, point_pairs = point_results(judged, split, settings)
        at_cuts, cut_pairs = cut_results(judged, split, settings)
        if split == "test":
            of_test = _of_test(judged, settings, [*point_pairs, *cut_pairs])
        unlike += unlike_notes(split, {model.name: model.panel.table for model in judged.values()})
        rows += [*_rows(judged, split, settings), *line_rows(judged, split, settings)]
        rows += [*points, *at_cuts, *predictive_rows(judged, split, settings)]
        about += sample_notes(split, [model.panel.sample for model in judged.values()])
        about += constant_notes(split, [model.panel.answers for model in judged.values()])
    return rows, of_test, [*unlike, *about]


def _of_test(
    judged: dict[str, ModelEvaluation], settings: ScoreSettings, further: Iterable[Pair]
) -> _OfTest:
    pairs = (*compare_all(judged, settings), *further)
    breakdown = break_down(judged, "test", settings)
    return _OfTest(pairs, breakdown, score_tables(judged, "test"), *by_subgroups(judged, settings))


def _rows(judged: dict[str, ModelEvaluation], split: str, settings: ScoreSettings) -> list[Row]:
    reader = ceiling(next(iter(judged.values())).panel, settings)
    return [
        make_row(model.name, split, estimate, model.replicates.get(metric), settings)
        for model in (*judged.values(), *([reader] if reader else []))
        for metric, estimate in model.estimates.items()
    ]


def _require_primary(judged: dict[str, ModelEvaluation], primary: str) -> None:
    """A metric of the scores decides nothing where a model has no probabilities of them."""
    without = [model.name for model in judged.values() if primary not in model.estimates]
    if without:
        raise UserError(
            "primary",
            found=f"{primary}, which needs score and p0 to p3; they are missing for:"
            f"{listed(without)}",
            expected="a metric of all models",
            hint="add the columns, leave these models out, or name another primary metric",
        )


def _require_comparable(judged: dict[str, ModelEvaluation]) -> None:
    first, *others = judged.values()
    for other in others:
        one = (f"model {first.name}", first.panel.table)
        require_same_tiles(one, (f"model {other.name}", other.panel.table), "test")

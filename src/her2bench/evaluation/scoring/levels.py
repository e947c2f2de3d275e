"""Scores of tiles and of slides: the slides' table is scored as any other."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import polars as pl

from her2bench.core.errors import UserError
from her2bench.core.score_notes import NoteKind
from her2bench.core.scores import RunThreshold, Scores
from her2bench.evaluation.scoring.ensembles import with_ensembles
from her2bench.evaluation.scoring.run_thresholds import apply_thresholds, with_calls
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_aggregates import choose_aggregates
from her2bench.evaluation.scoring.slide_settings import SlideSettings
from her2bench.evaluation.scoring.slide_table import require_whole_slides, slide_table

_OF_SCALINGS: tuple[NoteKind, ...] = ("no_recalibration", "scaling_refused")
"""A scaling fitted on a few validation slides says nothing, and none is used."""
_TILE = re.compile(r"(?<![\w.\-/#])([Tt])ile(s?)(?![\w\-/=])")


def score_levels(
    tiles: pl.DataFrame, settings: ScoreSettings, slide: SlideSettings | None = None
) -> Scores:
    """The scores of the tiles and, where asked for, in `slide` those of the slides.

    Args:
        tiles: checked predictions.
        settings: of the statistics.
        slide: how tiles are put together; None: tiles alone.

    Raises:
        UserError: as `score_predictions` and `score_slides`.
    """
    if slide is None:
        return score_predictions(tiles, settings)
    require_whole_slides(tiles)
    scores = score_predictions(tiles, settings)
    return replace(scores, slide=score_slides(tiles, settings, slide)[0])


def score_slides(
    tiles: pl.DataFrame, settings: ScoreSettings, slide: SlideSettings
) -> tuple[Scores, pl.DataFrame]:
    """Put the tiles of every slide together and score the slides as independent units.

    Args:
        tiles: checked predictions, one row per tile, model, seed and fold.
        settings: of the statistics; its threshold is that of the tiles.
        slide: how tiles are put together, and the rule of the slides' thresholds.

    Returns:
        The scores, all of level "slide", and the slides' predictions.

    Raises:
        UserError: slides are unknown, have two labels or lie on several sides of the split; or as
            `score_predictions`.
    """
    require_whole_slides(tiles)
    tiles, ensembles, _ = with_ensembles(tiles, settings)
    called = apply_thresholds(tiles, settings.threshold)[0]
    aggregates, notes = choose_aggregates(called, slide)
    table = slide_table(called, aggregates)
    changed = {"threshold": slide.threshold or settings.threshold}
    own = settings.model_copy(update=changed | {"seed_ensembles": False, "ensembles": {}})
    with _about_slides():
        scores = score_predictions(table, own, ensembles)
    kept = (note for note in scores.notes if note.kind not in _OF_SCALINGS)
    reworded = (replace(note, text=in_slides(note.text)) for note in kept)
    return replace(
        scores,
        level="slide",
        rows=tuple(replace(row, level="slide") for row in scores.rows),
        pairs=tuple(
            replace(pair, level="slide", verdict=in_slides(pair.verdict)) for pair in scores.pairs
        ),
        notes=(*reworded, *notes),
        score_tables=tuple(each for each in scores.score_tables if each.unit == "slide"),
        calibration=(),
        aggregates=aggregates,
        slide_settings=slide.model_dump(mode="json"),
    ), table


def slides_of(
    tiles: pl.DataFrame, thresholds: tuple[RunThreshold, ...], slide: Scores
) -> pl.DataFrame:
    """The slides' predictions with `threshold` and `call`, as they were scored.

    Args:
        tiles: predictions.
        thresholds: of the tiles.
        slide: the scores at slide level.
    """
    called = with_calls(tiles, thresholds)
    return with_calls(slide_table(called, slide.aggregates), slide.thresholds)


def in_slides(text: str) -> str:
    """A sentence about tiles, where each row is a slide.

    >>> in_slides("All 14 tiles are positive; a tile-level test.")
    'All 14 slides are positive; a tile-level test.'
    """
    return _TILE.sub(lambda match: f"{'S' if match[1] == 'T' else 's'}lide{match[2]}", text)


@contextmanager
def _about_slides() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        parts = (error.found, error.expected, error.hint)
        found, expected, hint = (in_slides(part) if part else part for part in parts)
        raise UserError(
            in_slides(str(error.where)), found=found, expected=expected, hint=hint
        ) from error

"""Notes on the metrics of the scores: the rule of the predicted score, the cut, few slides."""

import polars as pl

from her2bench.core.ordinal import CUTS, SCORE_COLUMNS
from her2bench.core.score_columns import cut_of
from her2bench.core.score_notes import Note, make_note
from her2bench.core.scores import ScoreTable
from her2bench.core.text import plural
from her2bench.core.vocabulary import SCORES
from her2bench.evaluation.scoring.panels import has_distributions
from her2bench.evaluation.statistics.arrays import FEW_GROUPS

LEAST_OF_A_SCORE = FEW_GROUPS // 2  # slides


def ordinal_notes(table: pl.DataFrame, tables: tuple[ScoreTable, ...]) -> list[Note]:
    """The notes on models with `p0` to `p3`; none where there are no such models.

    Args:
        table: checked predictions.
        tables: the confusion tables of the scores.
    """
    if SCORE_COLUMNS[0] not in table.columns:
        return []
    models = [
        name
        for (name,), rows in table.partition_by("model", as_dict=True, maintain_order=True).items()
        if has_distributions(rows)
    ]
    ordinal = table.filter(pl.col("model").is_in(models))
    if not models:
        return []
    if "score" not in table.columns or ordinal["score"].has_nulls():
        text = (
            f"{', '.join(map(str, models))}: the columns p0 to p3 are there, and no column score. "
            "The metrics of the scores are left out; add each tile's reference score."
        )
        return [make_note("no_reference_score", text, models=tuple(map(str, models)))]
    return [*_few_slides(ordinal), *_left_out(tables), _rule(ordinal)]


def _rule(ordinal: pl.DataFrame) -> Note:
    cut = cut_of(ordinal)
    at = " and ".join(f"{c}+" for c in CUTS)
    text = (
        "The predicted score of a tile is the median of its probabilities p0 to p3: the highest "
        "score that is more likely than not to be reached. Metrics of calls and of one probability "
        f"ask for a score of {cut}+ or more, {' + '.join(SCORE_COLUMNS[cut:])}; those named after "
        f"a cut for {at.replace(' and ', ', ', 1)} or more."
    )
    return make_note("predicted_score", text)


def _few_slides(ordinal: pl.DataFrame) -> list[Note]:
    test = ordinal.filter((pl.col("split") == "test") & pl.col("group_id").is_not_null())
    if test.is_empty():
        return []
    slides = dict(test.group_by("score").agg(pl.col("group_id").n_unique()).iter_rows())
    numbers = [slides.get(score, 0) for score in range(len(SCORES))]
    if min(numbers) >= LEAST_OF_A_SCORE:
        return []
    counted = ", ".join(f"{name}: {n}" for name, n in zip(SCORES, numbers, strict=True))
    text = (
        f"Slides by score: {counted}. Kappa, macro-F1 and the metrics at a cut "
        "depend on the rarest scores, and are as uncertain as in a study of so few slides."
    )
    return [make_note("few_slides_of_a_score", text, "test")]


def _left_out(tables: tuple[ScoreTable, ...]) -> list[Note]:
    left_out = max((table.left_out for table in tables), default=0)
    if not left_out:
        return []
    text = (
        f"{left_out} {plural(left_out, 'slide')} {plural(left_out, 'has', 'have')} tiles of "
        "several scores, and therefore no score of the slide to compare with: left out of the "
        "confusion tables by slide."
    )
    return [make_note("slides_of_several_scores", text, "test")]

"""How each run's tiles become slides: fixed beforehand, or chosen on its validation slides."""

from collections import Counter

import numpy as np
import polars as pl

from her2bench.core.run_scores import RunAggregate
from her2bench.core.score_notes import Note, make_note
from her2bench.core.text import plural
from her2bench.evaluation.scoring.run_thresholds import RUN
from her2bench.evaluation.scoring.slide_settings import CHOSEN_QUANTILE, SlideSettings
from her2bench.evaluation.scoring.slide_table import slide_table
from her2bench.evaluation.statistics.aggregation import AGGREGATES
from her2bench.evaluation.statistics.ranking import placements

LEAST_TO_CHOOSE = 5
"""Validation slides of each class; with fewer, chance decides between aggregates."""


def choose_aggregates(
    tiles: pl.DataFrame, settings: SlideSettings
) -> tuple[tuple[RunAggregate, ...], list[Note]]:
    """One aggregate per run; test slides have no say.

    Of those with the greatest ROC-AUC on a run's validation slides the first in the order mean,
    median, share, quantile is taken. A run with few validation slides of a class takes the mean.

    Args:
        tiles: predictions with `call`.
        settings: of the slides.

    Returns:
        The aggregates and notes.
    """
    runs = tiles.select(RUN).unique(maintain_order=True).rows()
    if settings.aggregate != "choose":
        how, quantile = settings.aggregate, settings.quantile
        fixed = tuple(
            RunAggregate(model, seed, fold, how, quantile, "fixed") for model, seed, fold in runs
        )
        return fixed, _notes(fixed)
    val = tiles.filter(pl.col("split") == "val").partition_by(RUN, as_dict=True)
    quantile = settings.quantile or CHOSEN_QUANTILE
    chosen = tuple(_best(run, val.get(run), quantile) for run in runs)
    return chosen, _notes(chosen)


def in_words(how: RunAggregate) -> str:
    """An aggregate in a few words.

    >>> in_words(RunAggregate("a", 0, 0, "quantile", 0.9, "fixed"))
    "0.9 quantile of its tiles' probabilities"
    """
    if how.aggregate == "share":
        return "share of its tiles predicted positive"
    name = f"{how.quantile:g} quantile" if how.aggregate == "quantile" else how.aggregate
    return f"{name} of its tiles' probabilities"


def _best(run: tuple[str, int, int], val: pl.DataFrame | None, quantile: float) -> RunAggregate:
    default = RunAggregate(*run, "mean", None, "default")
    if val is None or min(_slides(val, 0), _slides(val, 1)) < LEAST_TO_CHOOSE:
        return default
    candidates = [
        RunAggregate(*run, how, quantile if how == "quantile" else None, "val")
        for how in AGGREGATES
    ]
    areas = np.array([_roc_auc(slide_table(val, [each])) for each in candidates])
    return candidates[int(np.flatnonzero(areas >= areas.max() - 1e-12)[0])]


def _slides(tiles: pl.DataFrame, target: int) -> int:
    return tiles.filter(pl.col("target") == target)["group_id"].n_unique()


def _roc_auc(slides: pl.DataFrame) -> float:
    targets = slides["target"].to_numpy() == 1
    return float(placements(slides["probability"].to_numpy(), targets)[targets].mean())


def _notes(aggregates: tuple[RunAggregate, ...]) -> list[Note]:
    if not aggregates:
        return []
    if aggregates[0].source == "fixed":
        text = f"A slide's probability is the {in_words(aggregates[0])}, fixed beforehand."
        return [make_note("slide_aggregate", text)]
    notes = [_choice(aggregates)] if any(each.source == "val" for each in aggregates) else []
    few = tuple(dict.fromkeys(e.model for e in aggregates if e.source == "default"))
    if few:
        runs = sum(each.source == "default" for each in aggregates)
        text = (
            f"{runs} of {len(aggregates)} runs ({', '.join(few)}) have fewer than "
            f"{LEAST_TO_CHOOSE} validation slides of a class. There a slide's probability is the "
            "mean of its tiles' probabilities, the default."
        )
        notes.append(make_note("few_validation_slides", text, models=few))
    return notes


def _choice(aggregates: tuple[RunAggregate, ...]) -> Note:
    counts = Counter((each.model, in_words(each)) for each in aggregates if each.source == "val")
    parts = [
        f"{model}, {number} {plural(number, 'run')}: {words}"
        for (model, words), number in counts.items()
    ]
    text = (
        "How a slide's tiles are put together was chosen by ROC-AUC on each run's validation "
        f"slides ({'; '.join(parts)}); on these the metrics are therefore optimistic."
    )
    return make_note("slide_aggregate", text)

"""How a comparison makes one number and one call of a slide's tiles, for slides that are new."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.run_scores import RunAggregate, RunThreshold
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import read_scores
from her2bench.evaluation.scoring.run_thresholds import with_calls
from her2bench.evaluation.scoring.slide_table import slide_table
from her2bench.prediction.ensemble import Ensemble
from her2bench.prediction.forward import probabilities


@dataclass(frozen=True)
class SlideRule:
    """The aggregate of the tiles' probabilities, and the frozen threshold of slides."""

    aggregate: RunAggregate
    threshold: RunThreshold

    def applied(self, tiles: pl.DataFrame) -> dict[str, object]:
        """Probability and call of one slide, by the functions that scored the comparison's slides.

        Args:
            tiles: its tiles, `probability` and `call`; `p0` to `p3` of a model of the four scores,
                whose means are added where the aggregate is the mean.
        """
        run = {name: getattr(self.aggregate, name) for name in ("model", "seed", "fold")}
        rows = tiles.select(
            **{name: pl.lit(value) for name, value in run.items()},
            split=pl.lit("test"),
            tile_id=pl.int_range(pl.len()).cast(pl.String),
            group_id=pl.lit("slide"),
            target=pl.lit(0),  # asked for by the table; neither number nor call depends on it
            probability="probability",
            call=pl.col("call") == "positive",
        )
        slide = with_calls(slide_table(rows, [self.aggregate]), [self.threshold])
        mean = self.aggregate.aggregate == "mean"
        scores = [name for name in SCORE_COLUMNS if mean and name in tiles.columns]
        return {
            "aggregate": self.aggregate.aggregate,
            "quantile": self.aggregate.quantile,
            "probability": slide["probability"].item(),
            "threshold": self.threshold.probability,
            "call": "positive" if slide["call"].item() else "negative",
            **{name: tiles[name].mean() for name in scores},
        }


def slide_rule(folder: ComparisonFolder | None, ensemble: Ensemble) -> SlideRule | str:
    """The rule of an ensemble's runs, their thresholds averaged; or why there is none.

    Raises:
        UserError: scores.json cannot be read.
    """
    if folder is None:
        return "the run does not lie in a comparison folder"
    if not folder.scores.is_file():
        return "the comparison has no scores.json"
    folder.check(folder.scores)
    slides = read_scores(folder.scores).slide
    if slides is None:
        return "the comparison has no section [slide]"
    runs = {(ensemble.model, member.seed, member.fold) for member in ensemble.members}
    aggregates = [each for each in slides.aggregates if _run(each) in runs]
    thresholds = [each for each in slides.thresholds if _run(each) in runs]
    if not len(aggregates) == len(thresholds) == len(runs):
        return "the comparison has not scored slides with all of the runs"
    ways = {(each.aggregate, each.quantile) for each in aggregates}
    if len(ways) > 1 or len({each.scale for each in thresholds}) > 1:
        return "the runs put a slide's tiles together in different ways"
    return SlideRule(aggregates[0], _mean(thresholds, aggregates[0]))


def _mean(thresholds: list[RunThreshold], of: RunAggregate) -> RunThreshold:
    logit = float(np.mean([each.logit for each in thresholds]))
    probability = float(probabilities(np.array([logit]))[0])
    first = next(each for each in thresholds if _run(each) == _run(of))
    if first.scale == "probability":  # named by the user: the same for all runs
        probability = first.probability
    return replace(first, logit=logit, probability=probability)


def _run(of: RunAggregate | RunThreshold) -> tuple[str, int, int]:
    return of.model, of.seed, of.fold

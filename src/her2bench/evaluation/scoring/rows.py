"""One row of the scores: a metric of one model on one split, with its interval."""

from her2bench.core.scores import Row, known
from her2bench.evaluation.scoring.metric_intervals import interval_of, recipe_interval
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.estimates import Estimate


def make_row(
    model: str, split: str, estimate: Estimate, replicates: Floats | None, settings: ScoreSettings
) -> Row:
    """Put an estimate, and its bootstrap replicates where it has them, into a row."""
    interval, method = interval_of(estimate, replicates, settings)
    recipe = recipe_interval(estimate, settings.confidence)
    effect = estimate.design_effect
    seeds = len(estimate.values)
    return Row(
        model=model,
        split=split,
        metric=estimate.metric,
        value=known(estimate.value),
        low=known(interval.low),
        high=known(interval.high),
        method=method,
        tiles=estimate.sample.n_tiles,
        groups=estimate.sample.n_groups,
        seeds=seeds,
        counted_tiles=estimate.counted_tiles,
        counted_groups=estimate.counted_groups,
        design_effect=known(effect),
        effective_tiles=known(estimate.counted_tiles / effect) if effect else None,
        seed_sd=known(float(estimate.values.std(ddof=1))) if seeds > 1 else None,
        recipe_low=known(recipe.low),
        recipe_high=known(recipe.high),
    )

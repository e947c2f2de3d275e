"""What a tuning must satisfy before anything is trained: a space that fits, and enough slides."""

from typing import TYPE_CHECKING

import polars as pl
from pydantic import ValidationError

from her2bench.core.config import problems
from her2bench.core.errors import UserError, listed
from her2bench.core.extras import needs_extra
from her2bench.training.recipe import Recipe
from her2bench.training.tuning_settings import TuningSpace, tuned_recipe

if TYPE_CHECKING:
    from her2bench.comparison.config import ComparisonConfig

LEAST_SLIDES = 4
"""Validation slides of a fold; two of them hold positive tiles, and two negative ones."""
LEAST_OF_A_CLASS = 2
WITH_STRENGTH = ("crop", "stain", "white", "blur", "jpeg")
"""The augmentations that have a strength."""


def tuning_problem(config: "ComparisonConfig") -> str:
    """What is wrong with the tuning of a config, by key; empty where nothing is."""
    own = {name: options.tuning for name, options in config.network.items() if options.tuning}
    if config.tuning is None:
        name = next(iter(own), "")
        return name and f"network.{name}.tuning needs a budget: write tuning.trials = 8"
    for name in config.names:
        where = f"network.{name}.tuning" if name in own else "tuning.space"
        frozen = config.options(name).training == "frozen"
        space, recipe = config.space_for(name), config.recipe_for(name)
        if found := (_of_frozen if frozen else _of_trained)(space, recipe, name, name in own):
            return f"{where}{found}"
    return ""


def require_tunable(config: "ComparisonConfig") -> None:
    """Refuse a tuning that cannot begin: Optuna is missing, or validation holds test slides.

    The random split that measures optimism is tuned as the comparison itself, so that a config
    may hold both.

    Raises:
        UserError: it cannot.
    """
    if config.tuning is None:
        return
    if config.split.kind == "random-tiles":
        raise UserError(
            "[tuning]",
            found="split.kind = 'random-tiles': validation would hold tiles of the test slides",
            expected="a split by whole slides",
            hint="set split.kind = 'grouped', or leave out [tuning]",
        )
    with needs_extra("[tuning]"):
        import optuna  # noqa: F401


def _of_frozen(space: TuningSpace, recipe: Recipe, model: str, own: bool) -> str:
    """The ranges of all models may have some that a frozen network has no use for."""
    surplus = list(space.of_recipe) if own else []
    return f".{surplus[0]}: a frozen network has regularisation alone" if surplus else ""


def _of_trained(space: TuningSpace, recipe: Recipe, model: str, own: bool) -> str:
    ranges = space.of_recipe
    if own and space.regularisation is not None:
        return f".regularisation: {model} is no logistic regression; leave it out"
    if not ranges:
        return f": nothing to tune for {model}; give a range, e.g. learning_rate = [1e-4, 1e-2]"
    if len(rates := recipe.rates_for(model)) > 1:
        return (
            f": recipe.learning_rates has {len(rates)} values for {model}; write one, and "
            "learning_rate = [lowest, highest] in the space to tune it"
        )
    if "augment_strength" in ranges and not set(recipe.augment) & set(WITH_STRENGTH):
        return (
            f".augment_strength: recipe.augment = {list(recipe.augment)} has nothing with a "
            f"strength; add one of {', '.join(WITH_STRENGTH)}"
        )
    for name, ends in ranges.items():
        for end in ends:
            try:
                tuned_recipe(recipe, {name: end})
            except ValidationError as error:
                return f".{name} does not fit the recipe: {problems(Recipe, error)}"
    return ""


def require_slides_to_tune_on(splits: pl.DataFrame) -> None:
    """Refuse folds whose validation slides are too few to choose settings on.

    Tiles of unknown slides count as slides of their own, as everywhere.

    Args:
        splits: as `make_splits` gives it.

    Raises:
        UserError: names the folds with their counts.
    """
    val = splits.filter(pl.col("split") == "val")
    slide = pl.col("group_id").fill_null(pl.col("tile_id"))
    counts = val.group_by("fold").agg(
        slides=slide.n_unique(),
        positive=slide.filter(pl.col("target") == 1).n_unique(),
        negative=slide.filter(pl.col("target") == 0).n_unique(),
    )
    few = counts.filter(
        (pl.col("slides") < LEAST_SLIDES)
        | (pl.min_horizontal("positive", "negative") < LEAST_OF_A_CLASS)
    )
    if few.height:
        lines = [
            f"fold {fold}: {slides} validation slides, {positive} with positive tiles, {negative} "
            "with negative ones"
            for fold, slides, positive, negative in few.sort("fold").iter_rows()
        ]
        raise UserError(
            "[tuning]",
            found=f"too few validation slides to choose settings on:{listed(lines)}",
            expected=f"at least {LEAST_SLIDES} in every fold, {LEAST_OF_A_CLASS} with positive and "
            f"{LEAST_OF_A_CLASS} with negative tiles",
            hint="raise split.validation, choose fewer split.folds, add slides, or leave out "
            "[tuning]",
        )

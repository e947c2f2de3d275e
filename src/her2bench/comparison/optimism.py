"""Optimism of a random tile split: the same comparison repeated with that split."""

import polars as pl

from her2bench.comparison.config import ComparisonConfig
from her2bench.core.errors import UserError
from her2bench.core.notes import note
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Optimism, Scores, read_scores
from her2bench.data.splitting.splits import SplitSettings


def with_random_tiles(
    config: ComparisonConfig, manifest: pl.DataFrame
) -> tuple[ComparisonConfig, pl.DataFrame]:
    """The config and the manifest with a random tile split, in about the same shares.

    The manifest loses its `split` column, so that test tiles are random as well.
    """
    split = config.split
    if split.kind == "random-tiles":
        raise UserError(
            "--optimism",
            found="split.kind = 'random-tiles'",
            expected="a split by whole slides, to compare with a random one",
            hint="set split.kind = 'grouped'",
        )
    share = split.test
    if split.kind == "grouped-kfold":
        share = 1 / split.folds
    elif split.kind == "manifest" and "split" in manifest.columns:
        share = manifest.filter(pl.col("split") == "test").height / manifest.height
    validation = split.validation
    if (
        split.kind != "grouped"
    ):  # there it is a share of all tiles, otherwise of the tiles outside test
        validation *= 1 - share
    random = SplitSettings(kind="random-tiles", validation=validation, test=share, seed=split.seed)
    changes = {"split": random, "slide": None}  # such slides are not whole
    return config.model_copy(update=changes), manifest.drop("split", strict=False)


def optimism(folder: ComparisonFolder, scores: Scores) -> tuple[Optimism, ...]:
    """Each model's test metrics with the split by slides and with random tiles, and the difference.

    Args:
        folder: the comparison.
        scores: its own scores.

    Returns:
        Empty where the comparison was not repeated with random tiles.
    """
    if not folder.random_tiles.scores.is_file():
        return ()
    path = folder.random_tiles.scores
    try:
        folder.random_tiles.check(path)
        random = _test_values(read_scores(path))
    except UserError as error:
        note(error.where, f"{error.found}; left out, until --optimism is given again")
        return ()
    return tuple(
        Optimism(*key, value, random[key], random[key] - value)
        for key, value in _test_values(scores).items()
        if key in random
    )


def _test_values(scores: Scores) -> dict[tuple[str, str], float]:
    return {
        (row.model, row.metric): row.value
        for row in scores.rows
        if row.split == "test" and row.value is not None
    }

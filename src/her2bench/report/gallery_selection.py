"""Which tiles go into the gallery: the most confident errors, and where models disagree."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from her2bench.core.scores import RunThreshold
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.scoring.run_thresholds import with_calls

ERRORS = 6
DISAGREEMENTS = 8
MOST_OF_A_SLIDE = 2  # so that one slide does not fill the gallery


@dataclass(frozen=True)
class Selection:
    """The tiles of the gallery, by the reason they are in it.

    Args:
        errors: model → misclassified tiles, the furthest from its threshold first.
        disagreements: tiles with different predictions, the widest spread of probabilities first.
    """

    errors: dict[str, list[str]]
    disagreements: list[str]

    @property
    def tile_ids(self) -> list[str]:
        """Each chosen tile once."""
        every = [tile for tiles in self.errors.values() for tile in tiles] + self.disagreements
        return list(dict.fromkeys(every))


def gallery_tiles(
    predictions: pl.DataFrame,
    thresholds: Sequence[RunThreshold],
    split: str = "test",
) -> list[str]:
    """The tiles whose thumbnails and maps a comparison keeps: `select_tiles`, each once."""
    shown = with_calls(predictions, thresholds).filter(pl.col("split") == split)
    return select_tiles(shown).tile_ids


def select_tiles(
    shown: pl.DataFrame,
    baselines: Collection[str] = BASELINES,
    errors: int = ERRORS,
    disagreements: int = DISAGREEMENTS,
) -> Selection:
    """Choose the tiles of the gallery from each network's first seed; baselines choose none.

    At most two tiles per slide in each list. Ties are broken by tile_id, so that the same
    predictions always give the same gallery.

    Args:
        shown: predictions of one split with `threshold` (a logit) and `call` (Boolean).
        baselines: which of the models are baselines.
        errors: tiles per model.
        disagreements: tiles on which models disagree.
    """
    first = first_seed(shown.filter(~pl.col("model").is_in(list(baselines))))
    models = first["model"].unique(maintain_order=True).to_list()
    wrong = first.filter(pl.col("call") != (pl.col("target") == 1)).with_columns(
        rank=(pl.col("logit") - pl.col("threshold")).abs()
    )
    return Selection(
        {m: _furthest(wrong.filter(pl.col("model") == m), errors) for m in models},
        _furthest(_disagreements(first), disagreements),
    )


def first_seed(shown: pl.DataFrame) -> pl.DataFrame:
    """The rows of each model's first seed, each tile once (of several folds, the first)."""
    rows = shown.filter(pl.col("seed") == pl.col("seed").min().over("model"))
    return rows.sort("fold").unique(["model", "tile_id"], keep="first", maintain_order=True)


def _disagreements(first: pl.DataFrame) -> pl.DataFrame:
    by_tile = first.group_by("tile_id", maintain_order=True).agg(
        pl.col("group_id").first(),
        pl.col("call").n_unique().alias("answers"),
        (pl.col("probability").max() - pl.col("probability").min()).alias("rank"),
    )
    return by_tile.filter(pl.col("answers") > 1)


def _furthest(rows: pl.DataFrame, most: int) -> list[str]:
    ordered = rows.sort(pl.col("rank"), pl.col("tile_id"), descending=[True, False])
    if not ordered["group_id"].is_null().all():
        ordered = ordered.filter(pl.int_range(pl.len()).over("group_id") < MOST_OF_A_SLIDE)
    return ordered["tile_id"].head(most).to_list()

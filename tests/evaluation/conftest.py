"""Predictions to judge: simulated slides, and the counts of the study this project starts from."""

import numpy as np
import polars as pl
import pytest

from her2bench.core.ordinal import SCORE_COLUMNS
from her2bench.core.predictions import check_predictions
from her2bench.evaluation.statistics.arrays import ModelPredictions

# True positives, false positives, false negatives, true negatives on its validation tiles.
STUDY = {
    "lenet": (398, 77, 152, 152),
    "alexnet": (450, 126, 100, 103),
    "mini_hahnet": (556, 209, 6, 8),
}


def counts_table(model: str, counts: tuple[int, int, int, int]) -> pl.DataFrame:
    """A four-column table, positives first, that has the given confusion table at 0.5."""
    tp, fp, fn, tn = counts
    positives = tp + fn
    n = positives + fp + tn
    called = np.r_[np.arange(positives) < tp, np.arange(fp + tn) < fp]
    return pl.DataFrame(
        {
            "model": model,
            "tile_id": [f"tile-{i:04}" for i in range(n)],
            "target": np.r_[np.ones(positives, int), np.zeros(fp + tn, int)],
            "probability": np.where(called, 0.9, 0.1),
        }
    )


def always_positive(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(model=pl.lit("always_positive"), probability=pl.lit(1 - 1e-7))


def simulated(
    seed: int = 0,
    groups: int = 30,
    models: tuple[str, ...] = ("a", "b"),
    seeds: int = 1,
    known: bool = True,
    splits: tuple[str, ...] = ("test",),
) -> pl.DataFrame:
    """Tiles in slides of unequal size, with a slide effect in the scores."""
    rng = np.random.default_rng(seed)
    parts = []
    for split in splits:
        slide = np.repeat(np.arange(groups), rng.integers(3, 15, groups))
        target = rng.integers(0, 2, len(slide))
        shared = rng.normal(size=groups)[slide]
        for model in models:
            for s in range(seeds):
                own = rng.normal(size=groups)[slide]
                z = 1.2 * target - 0.6 + 0.5 * shared + 0.3 * own + rng.normal(size=len(slide))
                z = np.round(z, 2)  # some ties
                columns = {
                    "model": model,
                    "seed": s,
                    "split": split,
                    "tile_id": [f"{split}-{i:04}" for i in range(len(slide))],
                    "target": target,
                    "probability": 1 / (1 + np.exp(-z)),
                }
                if known:
                    columns["group_id"] = [f"{split}-slide-{i}" for i in slide]
                parts.append(pl.DataFrame(columns))
    return check_predictions(pl.concat(parts))


@pytest.fixture
def two_models() -> pl.DataFrame:
    return simulated()


def answers_of(scores, model: str = "model") -> ModelPredictions:
    """Answers with these (n,) or (S, n) scores as logits, predicted positive above 0."""
    logits = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    probabilities = 1 / (1 + np.exp(-logits))
    return ModelPredictions(model, tuple(range(len(logits))), logits, probabilities, logits > 0)


def overconfident(seed, n=4000, factor=3.0, shift=0.0):
    """Logits that are `factor` times what they should be, plus a shift."""
    rng = np.random.default_rng(seed)
    calibrated = rng.normal(size=n) * 1.5
    return factor * calibrated + shift, rng.random(n) < 1 / (1 + np.exp(-calibrated))


def scored_answers(latent, model: str = "model", distributions=None) -> ModelPredictions:
    """Answers of an ordinal model: cumulative logits of (S, n) latent scores, cuts at 0.5 to 2.5.

    Args:
        latent: a reference score and an error.
        model: its name.
        distributions: (S, n, 4); those of the latent scores where None.
    """
    if distributions is None:
        above = 1 / (1 + np.exp(-2 * (latent[..., None] - np.array([0.5, 1.5, 2.5]))))
        edges = np.ones((*latent.shape, 1))
        distributions = -np.diff(np.concatenate([edges, above, 0 * edges], axis=-1), axis=-1)
    p = distributions[..., 2:].sum(axis=-1)
    logits = np.log(p + 1e-12) - np.log(1 - p + 1e-12)
    seeds = tuple(range(len(p)))
    return ModelPredictions(model, seeds, logits, p, p > 0.5, None, distributions)


def four_scores(
    models: tuple[str, ...] = ("a", "b"), groups: int = 30, seeds: int = 1, known: bool = True
) -> pl.DataFrame:
    """Models of the scores on slides of one score; a tile in ten has another one."""
    rng = np.random.default_rng(3)
    slide = np.repeat(np.arange(groups), rng.integers(3, 10, groups))
    reference = np.arange(groups)[slide] % 4
    moved = rng.random(len(slide)) < 0.1
    reference = np.where(moved & (slide % 5 == 0), (reference + 1) % 4, reference)
    parts = []
    for model in models:
        for seed in range(seeds):
            latent = reference + 0.4 * rng.normal(size=groups)[slide]
            latent = latent + rng.normal(size=len(slide))
            above = 1 / (1 + np.exp(-2 * (latent[:, None] - np.array([0.5, 1.5, 2.5]))))
            edge = np.ones((len(slide), 1))
            p = -np.diff(np.hstack([edge, above, 0 * edge]), axis=1)
            columns = {
                "model": model,
                "seed": seed,
                "tile_id": [f"tile-{i:04}" for i in range(len(slide))],
                "score": reference,
                **dict(zip(SCORE_COLUMNS, p.T, strict=True)),
            }
            if known:
                columns["group_id"] = [f"slide-{g}" for g in slide]
            parts.append(pl.DataFrame(columns))
    return check_predictions(pl.concat(parts))

"""Simulated predictions by placement: a copula and a skewed ROC curve, with many odd shapes.

Nothing is shared with `two_level`. A tile's latent value Z joins an effect of its slide and class
(normal, or Student's t with 3 degrees of freedom) and its own; U = F(Z) is uniform. A negative
tile is placed at v = U, a positive one at v = U^(1 / k): the ROC curve is a power (Lehmann) and
the ROC-AUC k / (k + 1), however Z is made. The logit is the true log-odds at v,

    log(p / (1 - p)) + log k + (k - 1) log v        with p the share of positives,

so that a model is perfectly calibrated unless its logits are shifted.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import optimize, special, stats

from benchmarks.dealt_folds import dealt
from her2bench.evaluation.statistics.arrays import (
    Bools,
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
)

LEVELS = np.array([0.2, 0.4, 0.6, 0.8])  # where v is cut into five
MEMORISED = 0.98  # the correlation within slides of a model that has learned slides
GIANT = 0.4  # the share of all tiles on one slide
HARDER = 0.75  # the power by which k falls with a slide's size
Sizes = Literal["lognormal", "pareto", "giant", "informative"]


class Drawn(NamedTuple):
    """One data set; `truths` is each model's true ROC-AUC, averaged over its seeds."""

    sample: LabelledTiles
    answers: list[ModelPredictions]
    truths: list[float]


@dataclass(frozen=True)
class Placed:
    """A study to simulate; of two values in a tuple the first is the first model's.

    Args:
        slides: how many.
        tiles: of a slide, on average.
        mixed: whether a slide holds both classes or one.
        prevalence: share of positives.
        of_class: exactly so many positive and negative slides, of one class each.
        correlation: of the latent values of two tiles of one slide and class.
        heavy: whether the effects of slides are Student's t(3), the tails shared by all models.
        wrong: share of slides on which a model takes either class for the other.
        sizes: slides' sizes; "informative": positive tiles of larger slides are harder.
        five: whether a model gives only five distinct probabilities.
        memorises: whether the second model gives all tiles of a slide and class nearly one score.
        auc: of every model but the first.
        gap: what the first model's is above that.
        models: how many.
        shared: correlation of two models' latent values.
        seeds: trainings of each model.
        seed_sd: standard deviation of the ROC-AUC over trainings.
        own: share of a model's own part that is made anew with each seed (the interaction).
        offsets: of folds' logits, in standard deviations of the logits; five folds if not None.
        shift: added to all logits, which spoils the calibration.
    """

    slides: int = 51
    tiles: int = 19
    mixed: bool = True
    prevalence: float = 0.72
    of_class: tuple[int, int] | None = None
    correlation: float = 0.3
    heavy: bool = False
    wrong: float = 0.0
    sizes: Sizes = "lognormal"
    five: bool = False
    memorises: bool = False
    auc: float = 0.8
    gap: float = 0.0
    models: int = 2
    shared: float = 0.5
    seeds: int = 1
    seed_sd: tuple[float, float] = (0.0, 0.0)
    own: tuple[float, float] = (0.5, 0.5)
    offsets: tuple[float, float] | None = None
    shift: float = 0.0

    def draw(self, rng: np.random.Generator) -> Drawn:
        """One data set: the tiles, each model's answers, each model's true ROC-AUC."""
        sample = self._sample(rng)
        folds = None if self.offsets is None else dealt(sample, 5, rng)
        world = _World(self, sample, rng)
        answers, truths = [], []
        for model in range(self.models):
            second = min(model, 1)
            aucs = self.auc + (self.gap if model == 0 else 0.0)
            spread = np.clip(rng.standard_normal(self.seeds), -3, 3) * self.seed_sd[second]
            logits = world.logits(aucs + spread, second)
            calls = logits > special.logit(self.prevalence)
            if folds is not None and self.offsets is not None:
                moved = rng.standard_normal((self.seeds, 5))[:, folds]
                logits = logits + moved * self.offsets[second] * logits.std()
            logits = logits + self.shift
            of_fold = None if folds is None else np.tile(folds, (self.seeds, 1))
            names = f"model {model}", tuple(range(self.seeds))
            answers.append(ModelPredictions(*names, logits, special.expit(logits), calls, of_fold))
            truths.append(float((aucs + spread).mean()))
        return Drawn(sample, answers, truths)

    def _sample(self, rng: np.random.Generator) -> LabelledTiles:
        """Drawn again until each class lies in at least two slides."""
        while True:
            count = sum(self.of_class) if self.of_class else self.slides
            slides = np.repeat(np.arange(count), self._drawn_sizes(count, rng))
            sample = LabelledTiles(self._targets(count, slides, rng), slides)
            if min(sample.positive_groups, sample.negative_groups) > 1:
                return sample

    def _targets(self, count: int, slides: Ints, rng: np.random.Generator) -> Bools:
        if self.of_class:
            return (np.arange(count) < self.of_class[0])[slides]
        if not self.mixed:
            return (rng.random(count) < self.prevalence)[slides]
        middle = np.sqrt(2) * special.ndtri(self.prevalence)  # averages to the prevalence
        return rng.random(len(slides)) < special.ndtr(middle + rng.standard_normal(count))[slides]

    def _drawn_sizes(self, count: int, rng: np.random.Generator) -> Ints:
        sizes = size_at(rng.random(count), self.tiles, self.sizes)
        if self.sizes == "giant":
            sizes[rng.integers(count)] = 0
            sizes[sizes == 0] = round(sizes.sum() * GIANT / (1 - GIANT))
        return sizes


class _World:
    """What all models of one data set see: the slides' and the tiles' common effects."""

    def __init__(self, study: Placed, sample: LabelledTiles, rng: np.random.Generator) -> None:
        self._study, self._sample, self._rng = study, sample, rng
        self._common = self._effects()
        chi = rng.chisquare(3, sample.n_groups) if study.heavy else np.ones(sample.n_groups)
        self._scale = (1 / np.sqrt(chi))[sample.groups]  # to t(3) of variance 1

    def logits(self, aucs: Floats, second: int) -> Floats:
        """(S, n) logits of one model, a row for each seed's true ROC-AUC."""
        mine = self._effects()
        return np.stack([self._of_seed(float(auc), mine, second) for auc in aucs])

    def _of_seed(self, auc: float, mine: tuple[Floats, Floats], second: int) -> Floats:
        study, rng = self._study, self._rng
        own = study.own[second] if study.seeds > 1 else 0.0
        seed = self._effects() if own else (0.0, 0.0)
        parts = np.sqrt([study.shared, (1 - study.shared) * (1 - own), (1 - study.shared) * own])
        slide, tile = (
            sum(w * each for w, each in zip(parts, effects, strict=True))
            for effects in zip(self._common, mine, seed, strict=True)
        )
        r = MEMORISED if study.memorises and second else study.correlation
        z = np.sqrt(r) * slide * self._scale + np.sqrt(1 - r) * tile
        log_u = log_cdf_with_t3(z, r) if study.heavy else special.log_ndtr(z)
        wrong = rng.random(self._sample.n_groups) < study.wrong
        as_positive = self._sample.targets ^ wrong[self._sample.groups]
        k = power_for(auc, study.wrong, study.sizes, study.five, study.tiles)
        powers = self._powers(k)
        log_v = np.where(as_positive, log_u / powers, log_u)
        return special.logit(study.prevalence) + log_ratio(log_v, k, study.five)

    def _powers(self, k: float) -> float | Floats:
        if self._study.sizes != "informative":
            return k
        sizes = np.bincount(self._sample.groups)
        return (k * (sizes / self._study.tiles) ** -HARDER)[self._sample.groups]

    def _effects(self) -> tuple[Floats, Floats]:
        """Of each tile's slide (half of it common to both its classes) and of each tile."""
        sample, rng = self._sample, self._rng
        both, classes = rng.standard_normal((2, sample.n_groups)), rng.standard_normal
        of_class = classes((2, sample.n_groups))[sample.targets.astype(int), sample.groups]
        slide = (both[0][sample.groups] + of_class) / np.sqrt(2)
        return slide, rng.standard_normal(len(sample.targets))


def size_at(quantiles: Floats, tiles: int, sizes: Sizes) -> Ints:
    """Slides' sizes at quantiles of their distribution: at least 2."""
    if sizes == "pareto":  # shape 1.5: infinite variance; cut at 100 times the least
        drawn = np.minimum((1 - quantiles) ** (-1 / 1.5), 100) / 2.8
    else:
        drawn = np.exp(0.6 * special.ndtri(quantiles) - 0.18)
    return np.maximum(np.round(drawn * tiles), 2).astype(np.int64)


def true_auc(k: float, wrong: float, sizes: Sizes, five: bool, tiles: int) -> float:
    """The ROC-AUC over ever more slides."""
    if five:
        edges = np.concatenate([[0.0], LEVELS, [1.0]])
        positive, negative = np.diff(edges**k), np.diff(edges)
        return float((positive * (np.cumsum(negative) - negative / 2)).sum())
    if sizes == "informative":  # larger slides hold more of the positive tiles
        n = size_at((np.arange(20_000) + 0.5) / 20_000, tiles, sizes)
        powers = k * (n / tiles) ** -HARDER
        return float((n * powers / (powers + 1)).sum() / n.sum())
    return k / (k + 1) * (1 - 2 * wrong) + wrong


@cache
def power_for(auc: float, wrong: float, sizes: Sizes, five: bool, tiles: int) -> float:
    """k, for a true ROC-AUC."""
    if not five and sizes != "informative":
        right = (auc - wrong) / (1 - 2 * wrong)
        return right / (1 - right)

    def beyond(log_k: float) -> float:
        return true_auc(np.exp(log_k), wrong, sizes, five, tiles) - auc

    return float(np.exp(optimize.root_scalar(beyond, bracket=(0, 12)).root))


def log_ratio(log_v: Floats, k: float, five: bool) -> Floats:
    """The log of the likelihood ratio of positive to negative at v (at its level, of five)."""
    if not five:
        return np.log(k) + (k - 1) * log_v
    edges = np.concatenate([[0.0], LEVELS, [1.0]])
    ratios = np.log(np.diff(edges**k) / np.diff(edges))
    return ratios[np.searchsorted(np.log(LEVELS), log_v)]


def log_cdf_with_t3(z: Floats, r: float) -> Floats:
    """log F(z) of sqrt(r) T + sqrt(1 - r) N, with T Student's t(3) of variance 1, N normal."""
    grid, values = _table(r)
    return np.interp(z, grid, values)


@cache
def _table(r: float) -> tuple[Floats, Floats]:
    t = stats.t(3).ppf((np.arange(20_000) + 0.5) / 20_000) / np.sqrt(3)
    half = np.concatenate([np.linspace(0, 6, 601)[1:], np.geomspace(6, 100, 300)[1:]])
    below = [special.ndtr((-z - np.sqrt(r) * t) / np.sqrt(1 - r)).mean() for z in half]
    tail = np.maximum.accumulate(np.array(below)[::-1])[::-1]
    values = np.concatenate([np.log(tail[::-1] + 1e-300), [np.log(0.5)], np.log1p(-tail)])
    return np.concatenate([-half[::-1], [0.0], half]), values

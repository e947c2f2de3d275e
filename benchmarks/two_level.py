"""Simulated predictions of equal or unequal models on tiles that lie in slides.

The score of tile i of slide g by model m, trained with seed s:

    mu_ms y + sqrt(r)     (sqrt(c) U_g + sqrt(1 - c) W_gms)
            + sqrt(1 - r) (sqrt(c) E_i + sqrt(1 - c) F_ims)

with y the truth, standard normal U, W, E, F, r the correlation of two tiles of one slide and one
class, and c the correlation of two models. Half of the variance of W and F is a model's own, half
its seed's. Whatever r is, the ROC-AUC over many slides is Phi(mu / sqrt(2)), and the sensitivity
and specificity at the mid-point Phi(mu / 2).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from her2bench.evaluation.statistics.arrays import Floats, Ints, LabelledTiles, ModelPredictions


@dataclass(frozen=True)
class TwoLevel:
    """A study to simulate.

    Args:
        groups: slides.
        tiles: of a slide, on average; sizes are lognormal (sigma 0.6: from a fifth of the mean to
            four times it) unless `equal`.
        correlation: r, of two tiles of one slide and one class.
        mixed: whether a slide holds both classes (its share of positives drawn from a beta
            distribution) or one, as where the label is the slide's.
        prevalence: share of positives.
        auc: of every model but the first.
        gap: what the first model's AUC is above that.
        seeds: trainings of each model.
        seed_sd: standard deviation of mu over seeds (0.1 moves an AUC of 0.8 by 0.02).
        models: how many.
        other: the correlation r of the second model, where it is another.
        equal: all slides of one size.
        shared: c, of two models.
    """

    groups: int = 51
    tiles: int = 19
    correlation: float = 0.3
    mixed: bool = True
    prevalence: float = 0.72
    auc: float = 0.8
    gap: float = 0.0
    seeds: int = 1
    seed_sd: float = 0.0
    models: int = 2
    other: float | None = None
    equal: bool = False
    shared: float = 0.5

    @property
    def mean_auc(self) -> float:
        """The AUC of the second model, averaged over all seeds."""
        return float(special.ndtr(separation(self.auc) / np.sqrt(2 + self.seed_sd**2)))

    @property
    def sensitivity(self) -> float:
        """The second model's sensitivity at logit 0; its specificity is the same."""
        return float(special.ndtr(separation(self.auc) / 2))

    def draw(self, rng: np.random.Generator) -> tuple[LabelledTiles, list[ModelPredictions]]:
        """One data set: the tiles, and each model's answers; a call is score > 0."""
        sample = self._sample(rng)
        return sample, self.answers(sample, rng)

    def answers(self, sample: LabelledTiles, rng: np.random.Generator) -> list[ModelPredictions]:
        """Each model's answers to given tiles of given slides."""
        n, groups = len(sample.targets), sample.n_groups
        slide, tile = rng.standard_normal(groups), rng.standard_normal(n)
        answers = []
        for model in range(self.models):
            r = self.other if model == 1 and self.other is not None else self.correlation
            mu = separation(self.auc + (self.gap if model == 0 else 0.0))
            own = rng.standard_normal(groups), rng.standard_normal(n)
            scores = np.empty((self.seeds, n))
            for s in range(self.seeds):
                w, f = (self._with_seed(part, rng) for part in own)
                between = self._mixed_with(slide, w)[sample.groups]
                noise = np.sqrt(r) * between + np.sqrt(1 - r) * self._mixed_with(tile, f)
                drawn = mu + self.seed_sd * rng.standard_normal()
                scores[s] = drawn * sample.targets - mu / 2 + noise
            answers.append(as_answers(f"model {model}", scores))
        return answers

    def _with_seed(self, own: Floats, rng: np.random.Generator) -> Floats:
        if self.seeds == 1:
            return own
        return (own + rng.standard_normal(len(own))) / np.sqrt(2)

    def _mixed_with(self, common: Floats, own: Floats) -> Floats:
        return np.sqrt(self.shared) * common + np.sqrt(1 - self.shared) * own

    def _sample(self, rng: np.random.Generator) -> LabelledTiles:
        """Drawn again until each class lies in at least two slides."""
        while True:
            slides = np.repeat(np.arange(self.groups), self.sizes(rng))
            if self.mixed:
                p = rng.beta(2 * self.prevalence, 2 - 2 * self.prevalence, self.groups)
                targets = rng.random(len(slides)) < p[slides]
            else:
                targets = (rng.random(self.groups) < self.prevalence)[slides]
            sample = LabelledTiles(targets, slides)
            if min(sample.positive_groups, sample.negative_groups) > 1:
                return sample

    def sizes(self, rng: np.random.Generator) -> Ints:
        """The number of tiles of each slide: (G,)."""
        if self.equal:
            return np.full(self.groups, self.tiles)
        sizes = rng.lognormal(0, 0.6, self.groups)
        return np.maximum(np.round(sizes / sizes.mean() * self.tiles), 2).astype(np.int64)


def separation(auc: float) -> float:
    """mu, the distance of the two classes' means, for an AUC."""
    return float(np.sqrt(2) * special.ndtri(auc))


def as_answers(model: str, scores: Floats) -> ModelPredictions:
    """(S, n) scores as logits, predicted positive above 0."""
    probabilities = 1 / (1 + np.exp(-scores))
    return ModelPredictions(model, tuple(range(len(scores))), scores, probabilities, scores > 0)


def independent(sample: LabelledTiles) -> LabelledTiles:
    """The same tiles, each taken as a slide of its own: what the naive methods assume."""
    return LabelledTiles(sample.targets, np.arange(len(sample.targets)), known=False)

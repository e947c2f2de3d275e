"""The metrics of the four scores on simulated slides: do intervals cover, are verdicts wrong?

A model's latent score of a tile with reference score y, in slide g:

    d (y - 3/2) + sqrt(r) (sqrt(c) U_g + sqrt(1 - c) W_gm)
                + sqrt(1 - r) (sqrt(c) E_i + sqrt(1 - c) F_im)

with standard normal U, W, E, F, r the correlation of two tiles of one slide and score, and c that
of two models. Its probabilities are cumulative logits of the latent score, with cuts half-way
between the scores. All models are equal.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rates import as_judged, covered
from benchmarks.tables import ANY, WRONG, Rates, Tables, covers
from benchmarks.two_level import TwoLevel
from her2bench.core.ordinal import CUTS
from her2bench.evaluation.scoring.metric_intervals import interval_of
from her2bench.evaluation.scoring.pairwise import compare_all
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import (
    Floats,
    Ints,
    LabelledTiles,
    ModelPredictions,
)
from her2bench.evaluation.statistics.bootstrap import Resampler, bootstrap
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.metrics import METRICS, names_of

SETTINGS = ScoreSettings(bootstrap=500, flips=999, primary="accuracy")
BOUND = ("quadratic_kappa", "within_one")
"""The metrics with a goal."""
SHARES = (0.1, 0.25, 0.4, 0.25)
SLOPE = 2.0  # of the logits


@dataclass(frozen=True)
class FourScores:
    """A study to simulate.

    Args:
        groups: slides.
        tiles: of a slide, on average; sizes as in `TwoLevel`.
        correlation: r.
        mixed: whether the tiles of a slide have scores around the slide's (the same in 7 of 10) or
            all the slide's.
        distance: d, between two neighbouring scores.
        shared: c.
        models: how many.
    """

    groups: int = 51
    tiles: int = 19
    correlation: float = 0.3
    mixed: bool = True
    distance: float = 1.2
    shared: float = 0.5
    models: int = 2

    def draw(self, rng: np.random.Generator) -> tuple[LabelledTiles, list[ModelPredictions]]:
        """One data set: the tiles, and each model's answers."""
        sizes = TwoLevel(groups=self.groups, tiles=self.tiles).sizes(rng)
        slides = np.repeat(np.arange(self.groups), sizes)
        scores = self._scores(slides, rng)
        sample = LabelledTiles(scores >= 2, slides, scores=scores)
        slide, tile = rng.standard_normal(self.groups), rng.standard_normal(len(slides))
        names = [f"model {m}" for m in range(self.models)]
        return sample, [self._answers(name, sample, slide, tile, rng) for name in names]

    def _answers(
        self,
        name: str,
        sample: LabelledTiles,
        slide: Floats,
        tile: Floats,
        rng: np.random.Generator,
    ) -> ModelPredictions:
        assert sample.scores is not None
        between, within = (self._with_own(part, rng) for part in (slide, tile))
        noise = np.sqrt(self.correlation) * between[sample.groups]
        noise += np.sqrt(1 - self.correlation) * within
        return as_answers(name, self.distance * (sample.scores - 1.5) + noise, self.distance)

    def _with_own(self, common: Floats, rng: np.random.Generator) -> Floats:
        own = rng.standard_normal(len(common))
        return np.sqrt(self.shared) * common + np.sqrt(1 - self.shared) * own

    def _scores(self, slides: Ints, rng: np.random.Generator) -> Ints:
        """Drawn again until each score lies in at least two slides."""
        while True:
            scores = rng.choice(len(SHARES), self.groups, p=SHARES)[slides]
            if self.mixed:
                moved = rng.choice([-1, 0, 1], len(slides), p=[0.15, 0.7, 0.15])
                scores = np.clip(scores + moved, 0, len(SHARES) - 1)
            if all(len(np.unique(slides[scores == k])) > 1 for k in range(len(SHARES))):
                return scores.astype(np.int64)


def as_answers(name: str, latent: Floats, distance: float) -> ModelPredictions:
    """One seed's answers of (n,) latent scores."""
    cuts = distance * (np.array(CUTS) - 2.0)
    above = 1 / (1 + np.exp(-SLOPE * (latent[:, None] - cuts)))
    edge = np.ones((len(latent), 1))
    p = -np.diff(np.hstack([edge, above, 0 * edge]), axis=1)
    logits, positive = SLOPE * latent[None], above[:, 1][None]
    return ModelPredictions(name, (0,), logits, positive, positive > 0.5, None, p[None])


def score_rates(study: FourScores, repeats: int, rng: np.random.Generator) -> Rates:
    """How often intervals cover and equal models are called different, ours and naive."""
    names, hits = names_of("ordinal"), Counter[str]()
    truths = _truths(replace(study, groups=20_000, models=1), names, rng)
    for _ in range(repeats):
        sample, models = study.draw(rng)
        alone = replace(sample, groups=np.arange(len(sample.targets)), known=False)
        for who, seen, of in (("ours", sample, names), ("naive", alone, BOUND)):
            drawn = bootstrap(
                [Resampler(seen, each, of, 5) for each in models], seen, SETTINGS.bootstrap, rng
            )
            guesses = [{name: estimate(name, seen, each, 5) for name in of} for each in models]
            judged = as_judged(seen, models, guesses, drawn)
            for name, guess in guesses[0].items():
                interval, _ = interval_of(guess, drawn[0][name], SETTINGS)
                hits[f"{name} covers {who}"] += covered(interval, truths[name])
            for pair in compare_all(judged, SETTINGS, of, unanswered=False):
                hits[f"{pair.metric} wrong {who}"] += pair.decision in ("a", "b")
    return {name: count / repeats for name, count in hits.items()}


def _truths(
    study: FourScores, names: tuple[str, ...], rng: np.random.Generator
) -> dict[str, float]:
    big, [answers] = study.draw(rng)
    [run] = answers.with_truth(big.targets, 5, big.scores)
    return {name: METRICS[name].of(run) for name in names}


def scores_table(tables: Tables) -> None:
    """Coverage and verdict errors of the metrics of the scores, at 51 and 20 slides."""
    studies = [FourScores(groups=g, mixed=mixed) for g in (51, 20) for mixed in (True, False)]
    kinds = ["several scores" if study.mixed else "one score" for study in studies]
    tables.head(
        "**Metrics of the four scores** (correlation 0.3; a slide holds one score or several): the "
        "interval covers (%), ours / naive · equal models are called different (%), ours / naive.",
        ["metric", *(f"{s.groups} slides, {k}" for s, k in zip(studies, kinds, strict=True))],
    )
    started = [tables.start(score_rates, study) for study in studies]
    got = [tables.rates(cell) for cell in started]
    for name in names_of("ordinal"):
        cells = []
        for study, rates in zip(studies, got, strict=True):
            goal = (covers(study.groups) if study.groups > 20 else (0.93, 1.0), WRONG)
            parts = [
                tables.cell(rates[f"{name} {part} ours"], target if name in BOUND else ANY)
                + (f" / {100 * rates[f'{name} {part} naive']:.0f}" if name in BOUND else "")
                for part, target in zip(("covers", "wrong"), goal, strict=True)
            ]
            cells.append(" · ".join(parts))
        tables.row([METRICS[name].label, *cells])

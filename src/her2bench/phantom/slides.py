"""The slides of a phantom: how many tiles and which score each has, and what its tiles share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from her2bench.phantom.counts import slide_counts, tile_counts
from her2bench.phantom.scoring import expression_limits
from her2bench.phantom.settings import PhantomSettings

WHITE_LEVELS = (180, 215, 252)  # the three levels of empty glass seen in BCI
WHITE_SHARES = (0.55, 0.15, 0.30)
# How the stains look to BCI's scanner: mean direction of the bluest and brownest pixels of BCI
# tiles, greyer than the vectors of Ruifrok & Johnston 2001, which suit another camera.
_HAEMATOXYLIN, _DAB = (0.65, 0.61, 0.43), (0.30, 0.52, 0.80)
AMPLIFIED_SHARE = 0.25  # of slides scored 2+: a minority has an amplified gene

# Calibrated so that about 16% of tiles have no tumour, and 24% of the rest lie on the other side
# of the 2+ line: the spread of expression between cells, between places of a tile, and between
# tiles of a slide, and the mean of the tissue's leaning to tumour.
SPREAD_CELLS, SPREAD_PLACES, SPREAD_TILES = 0.45, 0.25, 0.68
# Nests do not grow with the tile, so the leaning depends on its side (µm).
TUMOUR_LEANING = {118: 0.2, 236: -0.47, 471: -1.04}
_LOWEST, _HIGHEST = -0.6, 1.3  # how far the outer scores reach beyond their limits


@dataclass(frozen=True)
class Slide:
    """What all tiles of a slide share.

    Densities and strengths are optical densities, lengths µm, counts of nuclei 1/mm² of stroma;
    `tumour`, `fat`, `glass`, `lumen` are the leanings (standard deviations) to these tissues.
    """

    index: int
    score: int
    status: int
    tiles: int
    white_level: int
    white: tuple[float, float, float]
    haematoxylin: tuple[float, float, float]
    dab: tuple[float, float, float]
    nuclear_density: float
    dab_strength: float
    cytoplasm: float
    stroma_blue: float
    stroma_brown: float
    expression: float
    spread_tiles: float
    region: float
    tumour: float
    fat: float
    glass: float
    lumen: float
    nest: float
    cell: float
    fibroblasts: float
    lymphocytes: float
    retraction: float
    blur: float
    noise: float
    sharpening: float

    @property
    def group_id(self) -> str:
        """The slide's id, as in the manifest."""
        return f"slide-{self.index:03d}"


@dataclass(frozen=True)
class Ranks:
    """Where a slide stands among the others, each from 0 to 1.

    Ranks are spread evenly instead of drawn freely, those of expression within each score, so that
    51 slides keep to the calibration. The white point's are not balanced by target: leaving slides
    out of a balanced set makes what is left tell the target the wrong way round.
    """

    tumour: float
    expression: float
    white: float
    strength: float


def draw_slides(settings: PhantomSettings) -> list[Slide]:
    """All slides of a phantom, in order; the same for the same settings."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    scores = rng.permutation(np.repeat(np.arange(4), slide_counts(settings.slides)))
    tiles = tile_counts(scores, settings.slides * settings.tiles_per_slide, rng)
    region = settings.size * settings.mpp
    ranks = _even_ranks(scores, rng)
    return [
        draw_slide(i, int(s), int(n), rng.spawn(1)[0], settings.confounding, region, r)
        for i, (s, n, r) in enumerate(zip(scores, tiles, ranks, strict=True))
    ]


def draw_slide(
    index: int,
    score: int,
    tiles: int,
    rng: np.random.Generator,
    confounding: float = 0.0,
    region: float = 236.0,
    ranks: Ranks | None = None,
) -> Slide:
    """One slide of a given score.

    Args:
        index: the slide's number.
        score: 0 to 3, the score of all of the slide's cells together.
        tiles: number of tiles to be cut from it.
        rng: source of the slide's own properties.
        confounding: 0 to 1, how far the target 2+ decides the white point.
        region: µm over which tissue and expression change; the calibration holds for tiles of
            this side.
        ranks: where the slide stands among the others; without it, drawn.
    """
    ranks = Ranks(*rng.uniform(0.01, 0.99, 4).tolist()) if ranks is None else ranks
    spread = SPREAD_TILES * rng.lognormal(0, 0.25)
    return Slide(
        index=index,
        score=score,
        status=int(score == 3 or (score == 2 and rng.random() < AMPLIFIED_SHARE)),
        tiles=tiles,
        expression=_expression(score, spread, ranks.expression),
        spread_tiles=spread,
        region=region,
        tumour=_tumour_leaning(region) + 0.5 * float(ndtri(ranks.tumour)),
        **_tissue(rng),
        **_stains(ranks, rng),
        **_scanner(_white_level(score, confounding, ranks, rng), rng),
    )


def _tissue(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "fat": rng.normal(-1.1, 0.7),
        "glass": rng.normal(-2.9, 0.4),
        "lumen": rng.uniform(0.9, 1.7) if rng.random() < 0.5 else 9.0,
        "nest": rng.uniform(28, 85),
        "cell": rng.uniform(8.5, 11.5),
        "fibroblasts": 2300 * rng.lognormal(0, 0.45),
        "lymphocytes": 400 * rng.lognormal(0, 0.9),
        "retraction": rng.uniform(0, 1) ** 2,
    }


def _stains(ranks: Ranks, rng: np.random.Generator) -> dict[str, Any]:
    vectors = [
        np.asarray(v) + rng.normal(0, s, 3) for v, s in ((_HAEMATOXYLIN, 0.025), (_DAB, 0.02))
    ]
    haematoxylin, dab = (_triple(v / np.linalg.norm(v)) for v in vectors)
    return {
        "haematoxylin": haematoxylin,
        "dab": dab,
        "nuclear_density": 0.15 * rng.lognormal(0, 0.3),
        "dab_strength": float(np.exp(0.2 * ndtri(ranks.strength))),
        "cytoplasm": 0.042 * rng.lognormal(0, 0.3),
        "stroma_blue": 0.016 * rng.lognormal(0, 0.35),
        "stroma_brown": 0.026 * rng.lognormal(0, 0.3),
    }


def _scanner(level: int, rng: np.random.Generator) -> dict[str, Any]:
    """The scanner's light and lens; BCI's brightest level comes with sharpened edges."""
    return {
        "white_level": level,
        "white": _white(level, rng),
        "blur": rng.uniform(0.30, 0.55),
        "noise": rng.uniform(0.8, 1.8),
        "sharpening": rng.uniform(0.6, 1.1) if level == 252 else rng.uniform(0.0, 0.3),
    }


def _white_level(score: int, confounding: float, ranks: Ranks, rng: np.random.Generator) -> int:
    free = WHITE_LEVELS[int(np.searchsorted(np.cumsum(WHITE_SHARES)[:2], ranks.white))]
    tied = WHITE_LEVELS[0] if score >= 2 else WHITE_LEVELS[2]
    return tied if rng.random() < confounding else free


def _white(level: int, rng: np.random.Generator) -> tuple[float, float, float]:
    red = level + rng.normal(0, 1.5)
    warmth = abs(rng.normal(0, 1.5))
    return _triple(np.minimum(red + np.array([0.5, 0.3 - warmth / 3, -1.0 - warmth]), 254.5))


def _tumour_leaning(region: float) -> float:
    sides = np.log(list(TUMOUR_LEANING))
    return float(np.interp(np.log(region), sides, list(TUMOUR_LEANING.values())))


def _expression(score: int, spread: float, rank: float) -> float:
    """A slide's mean expression, such that all its cells together have the score."""
    limits = expression_limits(np.hypot(np.hypot(SPREAD_CELLS, SPREAD_PLACES), spread))
    limits = np.concatenate([[limits[0] + _LOWEST], limits, [limits[2] + _HIGHEST]])
    return float(limits[score] + (limits[score + 1] - limits[score]) * rank)


def _triple(values: NDArray) -> tuple[float, float, float]:
    red, green, blue = values.tolist()
    return red, green, blue


def _even_ranks(scores: NDArray[np.int64], rng: np.random.Generator) -> list[Ranks]:
    tumour, white, strength = (_evenly(np.zeros_like(scores), rng) for _ in range(3))
    expression = _evenly(scores, rng)
    columns = (tumour.tolist(), expression.tolist(), white.tolist(), strength.tolist())
    return [Ranks(*row) for row in zip(*columns, strict=True)]


def _evenly(kinds: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """For each slide a rank from 0 to 1, evenly spread among the slides of the same kind."""
    ranks = np.empty(len(kinds))
    for kind in np.unique(kinds):
        here = np.flatnonzero(kinds == kind)
        ranks[here] = (rng.permutation(len(here)) + rng.uniform(0.02, 0.98, len(here))) / len(here)
    return ranks

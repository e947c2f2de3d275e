"""Power: the smallest detectable difference in ROC-AUC, computed before training.

The expected clustered variance (Obuchowski's, as in `estimates`) of the difference between two
models, from the numbers of tiles per slide and three assumptions. Scores are taken as
normal, with one part shared by the tiles of a slide and another of each tile's own, each shared
in part by the two models (the study of `benchmarks/two_level.py`).

For tiles i and j of scores correlated by rho, the covariance of their placements is
C(rho) = Phi2(z, z; rho) - A², with A = Phi(z) the ROC-AUC and Phi2 the bivariate normal
distribution: C(1/2) for a tile with itself, C(r/2) for two tiles of one slide and class, C(-r/2)
for a positive and a negative tile of one slide; between the models the same with r times c.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special, stats

from her2bench.evaluation.statistics.arrays import Floats
from her2bench.evaluation.statistics.differences import Spread
from her2bench.evaluation.statistics.slides_needed import POWER, groups_needed


@dataclass(frozen=True)
class Assumptions:
    """What has to be assumed of models that are not there yet.

    Args:
        auc: the ROC-AUC of the worse model.
        correlation: r, of the scores of two tiles of one slide and one class, 0 to 1.
        likeness: c, of the two models' scores of one tile, the target given, 0 to below 1.
        alpha: the error rate of the test.
    """

    auc: float = 0.8
    correlation: float = 0.3
    likeness: float = 0.5
    alpha: float = 0.05


@dataclass(frozen=True)
class Design:
    """The slides of a test side.

    Args:
        positive, negative: (G,) tiles of each class on each slide.
    """

    positive: Floats
    negative: Floats

    @property
    def slides(self) -> int:
        return len(self.positive)

    @property
    def scarcer(self) -> int:
        """Slides that hold tiles of the class that fewer slides hold."""
        return int(min(np.count_nonzero(self.positive), np.count_nonzero(self.negative)))


def difference_variance(design: Design, assumed: Assumptions) -> float:
    """Expected variance of the difference of two models' ROC-AUCs, both as assumed."""
    own, alike, across = _covariances(assumed)
    shares = design.positive / design.positive.sum(), design.negative / design.negative.sum()
    within = 0.0
    for m, h in zip((design.positive, design.negative), shares, strict=True):
        rows, left = _class_variances(m, own, alike), h / np.maximum(1 - h, 1e-12)
        within += rows.sum() + (left**2 * (rows.sum() - rows)).sum()  # the factor 1 / (1 - h)
    return float(max(within + 2 * across * (shares[0] * shares[1]).sum(), 0.0))


def degrees(design: Design, assumed: Assumptions) -> float:
    """Degrees of freedom that variance is expected to have, as `degrees_of_freedom` counts."""
    own, alike, _ = _covariances(assumed)
    rows = [_class_variances(m, own, alike) for m in (design.positive, design.negative)]
    below = sum(row.sum() ** 2 / max(np.count_nonzero(row) - 1, 1) for row in rows)
    df = sum(row.sum() for row in rows) ** 2 / below
    return float(min(df, max(np.count_nonzero(rows[0] + rows[1]) - 1, 1)))


def power(difference: float, design: Design, assumed: Assumptions) -> float:
    """The probability that a two-sided t test detects a true difference in ROC-AUC.

    Args:
        difference: of the better model from the worse, which has `assumed.auc`.
        design: the test side.
        assumed: the rest.

    Returns:
        0 to 1; NaN where a class lies on fewer than two slides: then nothing can be shown.
    """
    if design.scarcer < 2:
        return float("nan")
    middle = _between(assumed, difference)
    error = np.sqrt(difference_variance(design, middle))
    df = degrees(design, middle)
    limit = stats.t.isf(assumed.alpha / 2, df)
    return float(stats.nct.sf(limit, df, difference / error))


def detectable_difference(design: Design, assumed: Assumptions) -> float:
    """The true difference in ROC-AUC that is detected with 80% power.

    Returns:
        The difference; infinite where even a perfect model would not differ significantly.
    """
    most = 0.999 - assumed.auc
    if design.scarcer < 2 or power(most, design, assumed) < POWER:
        return float("inf")
    found = optimize.root_scalar(
        lambda d: power(d, design, assumed) - POWER, bracket=(1e-6, most), xtol=1e-5
    )
    return float(found.root)


def slides_needed(difference: float, design: Design, assumed: Assumptions) -> float:
    """About how many slides like these would show a difference four times in five."""
    if design.scarcer < 2:
        return float("nan")
    middle = _between(assumed, difference)
    variance, df = difference_variance(design, middle), degrees(design, middle)
    now = Spread(variance, 0.0, 0.0, df)
    return _two_figures(groups_needed(difference, now, design.slides, assumed.alpha))


def _between(assumed: Assumptions, difference: float) -> Assumptions:
    """Both models at the mean of their ROC-AUCs: the variance changes little around it."""
    return replace(assumed, auc=assumed.auc + difference / 2)


def _covariances(assumed: Assumptions) -> tuple[float, float, float]:
    """Of the difference of two models' placements: one tile, two of a class, two of both."""
    r, c = assumed.correlation, assumed.likeness
    z = float(special.ndtri(assumed.auc))
    own, alike, across = (
        2 * (_covariance(z, rho / 2) - _covariance(z, rho * c / 2)) for rho in (1.0, r, -r)
    )
    return own, alike, across


def _covariance(z: float, rho: float) -> float:
    """C(rho), by Plackett's identity: the integral of the bivariate density over rho."""
    at = np.polynomial.legendre.leggauss(20)
    t = rho * (at[0] + 1) / 2
    density = np.exp(-(z**2) / (1 + t)) / (2 * np.pi * np.sqrt(1 - t**2))
    return float(rho / 2 * (at[1] * density).sum())


def _class_variances(tiles: Floats, own: float, alike: float) -> Floats:
    """(G,) what each slide's tiles of one class are expected to add to the variance."""
    return tiles * (own + (tiles - 1) * alike) / max(tiles.sum(), 1.0) ** 2


def _two_figures(value: float) -> float:
    if np.isinf(value):
        return value
    step = 10 ** max(np.floor(np.log10(value)) - 1, 0)
    return float(np.ceil(value / step) * step)

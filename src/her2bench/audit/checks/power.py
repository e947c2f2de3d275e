"""Power: the smallest difference in ROC-AUC that this test side can detect."""

from dataclasses import replace

import numpy as np
from scipy import stats

from her2bench.audit.context import AuditContext, CheckResult, NotMade
from her2bench.core.audit_findings import Finding, Measured
from her2bench.core.text import plural
from her2bench.evaluation.statistics.power import (
    Assumptions,
    Design,
    detectable_difference,
    slides_needed,
)

WANTED = 0.05
"""The difference in ROC-AUC that a comparison of networks is mostly about."""
ENOUGH = 0.1
"""Detectable difference above which a test side is called small."""
_UNKNOWN = NotMade("slides_unknown", "slides are unknown, and tiles are not independent")
_ALL_TESTED = "use split.kind = 'grouped-kfold', so that every slide is tested once, or "
"""A hint only where some slides are not tested."""


def check_power(evidence: AuditContext, assumed: Assumptions | None = None) -> CheckResult:
    """The difference between two models that is detected with 80% power, and the slides needed
    to detect a difference of 0.05.

    Args:
        evidence: the test side is its split's `test`, or all tiles where there is none (as if
            each were tested once, in cross-validation).
        assumed: of the models; by default ROC-AUC 0.8, correlation 0.3 within slides, likeness
            of the models 0.5, as in the simulations of docs/statistics.md.
    """
    if evidence.groups is None:
        return CheckResult(left_out=_UNKNOWN)
    assumed = assumed or Assumptions()
    good, groups, positive = evidence.readable, evidence.groups.astype(str), evidence.target == 1
    tested = good
    if evidence.split is not None and (evidence.split == "test").any():
        tested = good & (evidence.split == "test")
    design = design_of(groups[tested], positive[tested])
    difference = detectable_difference(design, assumed)
    needed = slides_needed(WANTED, design, assumed)
    # The 90th percentile of DAB stands in for a model's score: a pilot without a model.
    pilot = within_slides(evidence.observations["dab"][good, 3], positive[good], groups[good])
    measured: Measured = {
        "test_slides": design.slides,
        "test_slides_of_scarcer_class": design.scarcer,
        "detectable_difference": round(difference, 3) if np.isfinite(difference) else None,
        f"slides_for_difference_of_{WANTED:g}": needed if np.isfinite(needed) else None,
        "correlation_of_dab_within_slides": None if np.isnan(pilot) else round(pilot, 3),
        "detectable_difference_at_that_correlation": _at(pilot, design, assumed),
        "power_assumes": f"ROC-AUC {assumed.auc:g}, correlation {assumed.correlation:g} within "
        f"slides, likeness of models {assumed.likeness:g}, 80% power at {assumed.alpha:.0%}",
    }
    if difference <= ENOUGH:
        return CheckResult((), measured)
    divided = _ALL_TESTED if len(np.unique(groups[good])) > design.slides else ""
    if design.scarcer < 2:
        return CheckResult((_too_few(design, divided),), measured)
    return CheckResult((_small(design, difference, needed, assumed, divided),), measured)


def design_of(groups: np.ndarray, positive: np.ndarray) -> Design:
    """Tiles of each class on each slide, from (n,) slides and (n,) bool targets."""
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    return Design(
        *(np.bincount(codes[k], minlength=count).astype(np.float64) for k in (positive, ~positive))
    )


def within_slides(values: np.ndarray, positive: np.ndarray, groups: np.ndarray) -> float:
    """Correlation of the ranks of two tiles of one slide and class: analysis of variance.

    Args:
        values: (n,), any increasing scale.
        positive: (n,) bool.
        groups: (n,) slides.

    Returns:
        0 to 1; NaN where no slide has two tiles of a class, or no class two slides.
    """
    ranks = stats.rankdata(values)
    between = within = sizes = 0.0
    slides = tiles = classes = 0
    for chosen in (positive, ~positive):
        codes = np.unique(groups[chosen], return_inverse=True)[1]
        count = np.bincount(codes)
        if len(count) < 2:
            continue
        means = np.bincount(codes, weights=ranks[chosen]) / count
        between += float((count * (means - ranks[chosen].mean()) ** 2).sum())
        within += float(((ranks[chosen] - means[codes]) ** 2).sum())
        sizes += count.sum() - (count**2).sum() / count.sum()
        slides, tiles, classes = slides + len(count), tiles + len(codes), classes + 1
    if tiles <= slides or slides <= classes or between + within == 0:
        return float("nan")
    typical, noise = sizes / (slides - classes), within / (tiles - slides)
    spread = max((between / (slides - classes) - noise) / typical, 0.0)
    return float(spread / (spread + noise))


def _at(correlation: float, design: Design, assumed: Assumptions) -> float | None:
    if np.isnan(correlation):
        return None
    found = detectable_difference(design, replace(assumed, correlation=correlation))
    return round(found, 3) if np.isfinite(found) else None


def _too_few(design: Design, divided: str) -> Finding:
    """No two slides of a class are tested: nothing can be tested."""
    held = f"only {design.scarcer} holds" if design.scarcer else "none holds"
    return Finding(
        kind="too_few_test_slides",
        severity="warning",
        title=f"Of the {design.slides} {plural(design.slides, 'slide')} to be tested on, {held} "
        "one of the classes",
        number=design.scarcer,
        unit="slides",
        effect="no interval and no verdict is possible: one slide says nothing about the variance "
        "between slides",
        hint=f"{divided}add slides of that class",
        rank=100,
    )


def _small(
    design: Design, difference: float, needed: float, assumed: Assumptions, divided: str
) -> Finding:
    seen = "even the largest difference in ROC-AUC"
    if np.isfinite(difference):
        seen = f"a difference in ROC-AUC below {difference:.2f}"
    about = f"about {needed:.0f} such slides" if np.isfinite(needed) else "more slides"
    return Finding(
        kind="low_power",
        severity="note",
        title=f"With {design.slides} slides to be tested on, {design.scarcer} of the scarcer "
        f"class, {seen} is mostly not detected; {WANTED:g} would take {about}",
        number=round(difference, 3) if np.isfinite(difference) else 1.0,
        unit="ROC-AUC",
        effect="models show no significant difference because there are too few slides (assuming "
        f"ROC-AUCs near {assumed.auc:g} and a correlation of {assumed.correlation:g} within "
        "slides)",
        hint=f"{divided}add slides",
        rank=100 * min(difference, 1.0),
    )

"""Power: which difference in ROC-AUC this test side could show at all."""

import numpy as np

from her2bench.core.findings import Finding
from her2bench.data.audit.evidence import Evidence, Found
from her2bench.evaluation.power import Assumptions, Design, detectable_difference, slides_needed

WANTED = 0.05
"""The difference in ROC-AUC that a comparison of networks is mostly about."""
ENOUGH = 0.1
"""Detectable difference above which a test side is called small."""


def check_power(evidence: Evidence, assumed: Assumptions | None = None) -> Found:
    """The difference two models must have to be told apart four times in five, and the slides
    that a difference of 0.05 would take.

    Args:
        evidence: the test side is its split's `test`, or all tiles where there is none (as if
            each were tested once, in cross-validation).
        assumed: of the models; by default ROC-AUC 0.8, correlation 0.3 within slides, likeness
            of the models 0.5, as in the simulations of docs/statistics.md.
    """
    if evidence.groups is None:
        return Found(left_out="slides are unknown, and tiles are not independent")
    assumed = assumed or Assumptions()
    tested = evidence.readable
    if evidence.split is not None and (evidence.split == "test").any():
        tested = tested & (evidence.split == "test")
    design = design_of(evidence.groups[tested].astype(str), evidence.target[tested] == 1)
    difference = detectable_difference(design, assumed)
    needed = slides_needed(WANTED, design, assumed)
    measured: dict[str, float | str | None] = {
        "test_slides": design.slides,
        "test_slides_of_scarcer_class": design.scarcer,
        "detectable_difference": round(difference, 3) if np.isfinite(difference) else None,
        f"slides_for_difference_of_{WANTED:g}": needed if np.isfinite(needed) else None,
        "power_assumes": f"ROC-AUC {assumed.auc:g}, correlation {assumed.correlation:g} within "
        f"slides, likeness of models {assumed.likeness:g}, 80% power at {assumed.alpha:.0%}",
    }
    if difference <= ENOUGH:
        return Found((), measured)
    return Found((_small(design, difference, needed, assumed),), measured)


def design_of(groups: np.ndarray, positive: np.ndarray) -> Design:
    """Tiles of each class on each slide, from (n,) slides and (n,) bool targets."""
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    return Design(
        *(np.bincount(codes[k], minlength=count).astype(np.float64) for k in (positive, ~positive))
    )


def _small(design: Design, difference: float, needed: float, assumed: Assumptions) -> Finding:
    if design.scarcer < 2:
        return Finding(
            kind="too_few_test_slides",
            severity="warning",
            title=f"Of the {design.slides} slides to be tested on only {design.scarcer} hold one "
            "of the classes",
            number=design.scarcer,
            unit="slides",
            effect="no interval and no verdict is possible: one slide says nothing of how slides "
            "differ",
            cure="use split.kind = 'grouped-kfold', so that every slide is tested once, or add "
            "slides of that class",
            rank=100,
        )
    seen = f"below {difference:.2f}" if np.isfinite(difference) else "whatever its size"
    about = f"about {needed:.0f} such slides" if np.isfinite(needed) else "more slides"
    return Finding(
        kind="low_power",
        severity="note",
        title=f"With {design.slides} slides to be tested on, {design.scarcer} of the scarcer "
        f"class, a difference in ROC-AUC {seen} will mostly not be seen; {WANTED:g} would take "
        f"{about}",
        number=round(difference, 3) if np.isfinite(difference) else 1.0,
        unit="ROC-AUC",
        effect="models will be called alike because too few slides were looked at (supposing "
        f"ROC-AUCs near {assumed.auc:g} and a correlation of {assumed.correlation:g} within "
        "slides)",
        cure="use split.kind = 'grouped-kfold', so that every slide is tested once, or add slides",
        rank=100 * min(difference, 1.0),
    )

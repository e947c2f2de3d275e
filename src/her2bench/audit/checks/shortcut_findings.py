"""Which shortcuts are reportable, and their findings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from her2bench.audit.confounding.permutation_test import Association
from her2bench.core.audit_findings import Finding, Severity
from her2bench.core.text import plural
from her2bench.evaluation.statistics.multiplicity import holm

LEVEL = 0.01
"""Chance of any false shortcut in an audit: false alarms make users skip the audit."""
MATERIAL = 0.6
"""ROC-AUC below which a shortcut is not reportable, however many slides prove it."""
SERIOUS = 0.7
WITHOUT_SLIDES = 0.75
"""ROC-AUC from which a shortcut is named where slides are unknown: what about 50 slides (as many
as BCI has) would have to show for the same certainty."""
ALONG = 0.25
"""Share of a measure's variance between slides that another explains from which the two are
reported as one: one scanner sets brightness, sharpening and compression together."""
TOGETHER = "together"


@dataclass(frozen=True)
class Shortcut:
    """A property of a tile that should not predict its target.

    Attributes:
        name: as in `audit.json`.
        label: as in a sentence.
        stained: whether it depends on the tissue, so that the stain is regressed out.
        seen: whether a network can see it.
        hint: what to do about it.
    """

    name: str
    label: str
    stained: bool
    seen: bool
    hint: str


_EXPORT = "export all slides from the originals with one format and quality"
SHORTCUTS = (  # those nearest to the cause first: they are reported first
    Shortcut(
        *("background", "the background's brightness (white point)", True, True),
        "divide each tile by its white point or train with strong brightness jitter, and add "
        "slides of the missing kinds; background_baseline is the number to beat",
    ),
    Shortcut(
        *("tint", "the background's tint", True, True),
        "divide each tile by its white point, or train with colour jitter",
    ),
    Shortcut(
        *("tile_size", "the tile's size in pixels", False, True),
        "cut all tiles to one size and resolution: after resizing the size still shows in the "
        "texture",
    ),
    Shortcut("jpeg_quality", "JPEG quality", False, True, _EXPORT),
    Shortcut(
        *("sharpness", "sharpness", True, True),
        "blur and sharpen tiles at random in training, or bring all slides to one setting",
    ),
    Shortcut(
        *("noise", "the sensor's noise", True, True),
        "add noise at random in training, or export all slides in the same way",
    ),
    Shortcut("bytes_per_pixel", "file size", True, True, _EXPORT),
    Shortcut(
        *("borders", "the tile's borders", False, True),
        "look at the borders of tiles of both classes, and crop them off if they differ",
    ),
    Shortcut(
        *("file_date", "the order of the files' dates", False, False),
        "ask how the data were made: scanned or exported at different times, classes may differ "
        "in more",
    ),
)
_ALL = Shortcut(
    *(TOGETHER, "all that should not matter together", True, True),
    "look at the single figures, and bring slides of both classes to one scanner and export",
)


def shortcut_findings(
    tested: Mapping[str, Association], ties: Mapping[tuple[str, str], float], dab: float | None
) -> tuple[Finding, ...]:
    """A finding for each shortcut above chance; correlated ones are reported with it.

    A shortcut is one if its ROC-AUC is above chance with slides as the unit (permutation test,
    Holm over all shortcuts) and at least 0.6. Where slides are unknown there is no
    valid test: they are then reported from 0.75 on, with a remark.

    Args:
        tested: how well each of `SHORTCUTS` and `TOGETHER` predicts the target.
        ties: share of the second's variance between slides that the first explains.
        dab: ROC-AUC of the DAB percentiles.
    """
    names = [s.name for s in (*SHORTCUTS, _ALL)]
    p_adjusted = dict(zip(names, holm(np.array([tested[n].p_value for n in names])), strict=True))
    left = [s for s in SHORTCUTS if _reported(tested[s.name], p_adjusted[s.name])]
    if not left and _reported(tested[TOGETHER], p_adjusted[TOGETHER]):
        left = [_ALL]
    found = []
    while left:
        first = left[0]
        along = [s for s in left[1:] if s.seen and ties[first.name, s.name] >= ALONG]
        found.append(_finding(first, along, tested, float(p_adjusted[first.name]), dab))
        left = [s for s in left[1:] if s not in along]
    return tuple(found)


def _reported(found: Association, p_adjusted: float) -> bool:
    least = MATERIAL if found.slides else WITHOUT_SLIDES
    return p_adjusted < LEVEL and found.auc >= least


def _finding(
    s: Shortcut,
    along: list[Shortcut],
    tested: Mapping[str, Association],
    p_adjusted: float,
    dab: float | None,
) -> Finding:
    auc = tested[s.name].auc
    others = ", ".join(f"{each.label} ({tested[each.name].auc:.2f})" for each in along)
    beside = "" if dab is None else f"; the DAB stain reaches {dab:.2f}"
    hints = dict.fromkeys([s.hint, *(each.hint for each in along)])
    return Finding(
        kind=f"shortcut_{s.name}",
        severity=_severity(s, tested[s.name]),
        title=f"{s.label[0].upper()}{s.label[1:]} alone predicts the target with a ROC-AUC of "
        f"{auc:.2f} ({_certainty(tested[s.name], p_adjusted)}){beside}"
        + (f"; correlated with it {plural(len(along), 'is', 'are')} {others}" if along else ""),
        number=round(auc, 3),
        unit="ROC-AUC",
        effect="a network can score well without looking at the stain, and would fail on slides "
        "where this is not associated with the label"
        if s.seen
        else "no network sees it, but it shows that the classes were acquired differently, and "
        "what a network does see may be correlated with it",
        hint="; ".join(hints),
        rank=100 * max(tested[each.name].auc for each in (s, *along)),
    )


def _certainty(found: Association, p_adjusted: float) -> str:
    if found.slides:
        return f"on slides not seen; adjusted p = {p_adjusted:.2g} with slides as the unit"
    return "slides unknown: it may be chance among a few slides"


def _severity(s: Shortcut, found: Association) -> Severity:
    if not s.seen:
        return "note"
    return "serious" if found.slides and found.auc >= SERIOUS else "warning"

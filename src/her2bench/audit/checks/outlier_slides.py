"""Slides unlike all others in how they were stained and scanned."""

import numpy as np
from scipy.spatial import KDTree

from her2bench.audit.checks.shortcuts import shortcut_measures, stain_measures
from her2bench.audit.confounding.by_slide import medians
from her2bench.audit.confounding.residuals import residuals
from her2bench.audit.context import AuditContext
from her2bench.core.audit_findings import Finding
from her2bench.core.text import plural

FAR = 4.0
"""Distance to the third nearest slide, in units of its median over all slides, from which a slide
is unlike all others."""
_FEWEST = 10  # slides; with fewer there is no usual slide
_NEIGHBOURS = 3  # so that two unusual slides that are alike are both seen
_LEAST_SPREADS = np.array([5.0, 3.0, 0.05, 0.05, 0.2, 0.02, 0.02])
# grey levels, log ratios, log grey levels, direction: differences that are not visible
_NAMES = ("brightness", "colour of glass", "sharpness", "fine sharpness", "noise", "stain colour")


def outlier_slides(evidence: AuditContext, rows: np.ndarray) -> list[Finding]:
    """A finding that names the slides far from all others, if there are any and slides are known.

    Scanners come in a few kinds (BCI's glass has three levels), so that distance from a centre
    would flag a whole kind; distance to the nearest slides does not.
    """
    if evidence.groups is None:
        return []
    groups = evidence.groups[rows].astype(str)
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < _FEWEST:
        return []
    values = _scaled(medians(_measures(evidence, rows, groups), codes))
    distance = KDTree(values).query(values, k=_NEIGHBOURS + 1)[0][:, _NEIGHBOURS]
    ratio = distance / max(float(np.median(distance)), 1e-9)
    odd = np.flatnonzero(ratio > FAR)
    odd = odd[np.argsort(-ratio[odd], kind="stable")]
    if not len(odd):
        return []
    listed = "; ".join(f"{names[i]} in {_most(values, i)}" for i in odd[:5])
    return [
        Finding(
            kind="slides_unlike_others",
            severity="warning",
            title=f"{len(odd)} of {len(names)} slides {plural(len(odd), 'is', 'are')} "
            f"unlike all others ({listed})",
            number=len(odd),
            unit="slides",
            effect="a network has not seen such slides, or memorises them; on the test "
            "side one of them can decide the result",
            hint="look at them: another stain, scanner or export? Leave them out by a rule fixed "
            "beforehand, or get more of their kind",
            tiles=tuple((evidence.tile_ids[int(rows[np.argmax(codes == i)])],) for i in odd),
            slides=tuple(names[odd].tolist()),
            rank=float(min(10 * ratio[odd[0]], 100)),
        )
    ]


def _measures(evidence: AuditContext, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(n, 7): what slide and scanner give to a tile, freed from how much stain there is."""
    plain = shortcut_measures(evidence.observations, rows)
    hue = evidence.observations["hue"][rows].astype(np.float64)
    level = plain["background"][:, [0]]
    values = np.hstack([level, plain["tint"], plain["sharpness"], plain["noise"], hue[:, [0, 2]]])
    return residuals(values, stain_measures(evidence.observations, rows), groups)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Each measure in units of its interquartile range, or of the least that matters."""
    low, high = np.percentile(values, [25, 75], axis=0)
    return (values - np.median(values, axis=0)) / np.maximum(high - low, _LEAST_SPREADS)


def _most(values: np.ndarray, slide: int) -> str:
    """The measure in which a slide is furthest from its nearest neighbour in that measure."""
    others = np.delete(values, slide, axis=0)
    gaps = np.abs(others - values[slide]).min(axis=0)
    return _NAMES[min(int(gaps.argmax()), len(_NAMES) - 1)]

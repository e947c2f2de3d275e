"""Neighbours: tiles cut from overlapping or adjoining places of one slide."""

import numpy as np

from her2bench.audit.context import AuditContext, CheckResult
from her2bench.audit.matching.components import counted
from her2bench.audit.matching.neighbours import ADJACENT, NEIGHBOURS, Neighbours
from her2bench.core.audit_findings import Finding, Severity

_BY_CHANCE = 1 / 2000
"""Pairs per tile of the set up to which they may only seem adjacent. Tiles cut from different
places give fewer: `benchmarks.audit_duplicates --among` counts them."""
_CHANCE = " So few pairs may also be chance: small tiles hold few landmarks."

_FLAWS: dict[str, tuple[Severity, str, str, str]] = {
    "neighbours_across_splits": (
        "serious",
        "in different splits",
        "Tiles that networks are tested on lie beside tiles of the same slide that they were "
        "trained on: recognising the slide is enough, and every score is optimistic.",
        "Split by slides: fill the column group_id, or infer it (--infer-groups).",
    ),
    "neighbours_across_slides": (
        "warning",
        "under different group_id",
        "One slide has several names: a split by slides puts it on both sides, and intervals "
        "are too narrow.",
        "Give all tiles of a slide one group_id; if they are truly two slides, find the wrong row.",
    ),
    "neighbours_of_unknown_slides": (
        "warning",
        "while the manifest names no slides",
        "These tiles are not independent: scores from a split of tiles at random are optimistic, "
        "and intervals are too narrow.",
        "Fill the column group_id from the source, or infer it (--infer-groups).",
    ),
}


def check_neighbours(evidence: AuditContext) -> CheckResult:
    """Neighbours as findings: across splits, across slides, or where slides are not known.

    Neighbours in one split and of one slide are no finding.
    """
    found = evidence.pairs.neighbours
    a, b = found.pairs.T
    none = np.zeros(len(a), bool)
    split, groups = evidence.split, evidence.groups
    across = none if split is None else split[a] != split[b]
    flaws = (across, none if groups is None else groups[a] != groups[b])
    flaws += (~across if groups is None else none,)
    findings = [
        _finding(evidence, name, found, bad)
        for name, bad in zip(_FLAWS, flaws, strict=True)
        if bad.any()
    ]
    pairs = {f"pairs of tiles, {kind}": float((found.kind == kind).sum()) for kind in NEIGHBOURS}
    return CheckResult(tuple(findings), {**pairs})


def _finding(evidence: AuditContext, name: str, found: Neighbours, bad: np.ndarray) -> Finding:
    severity, where, effect, hint = _FLAWS[name]
    order = np.flatnonzero(bad)[np.lexsort([-found.confidence[bad], -found.shared[bad]])]
    pairs, ids = found.pairs[order], evidence.tile_ids
    steps = found.offset[order] / evidence.observations["tile_size"][pairs[:, 0]]
    number = len(pairs)
    if _may_be_chance(evidence, pairs, found.kind[order]):
        severity = "warning" if evidence.groups is None else "note"
        effect += _CHANCE
    return Finding(
        kind=name,
        severity=severity,
        title=f"{number} {'pairs' if number > 1 else 'pair'} of tiles cut from adjoining places "
        f"of a slide {'stand' if number > 1 else 'stands'} {where} "
        f"({counted(found.kind[order], NEIGHBOURS)})",
        number=number,
        unit="pairs of tiles",
        effect=effect,
        hint=hint,
        tiles=tuple((ids[i], ids[j]) for i, j in pairs.tolist()),
        places=tuple(((0.0, 0.0), (x, y)) for x, y in steps.round(4).tolist()),
        slides=evidence.slides_of(np.unique(pairs)),
        rank=100 * len(np.unique(pairs)) / len(ids),
    )


def _may_be_chance(evidence: AuditContext, pairs: np.ndarray, kind: np.ndarray) -> bool:
    """Whether a few pairs may only seem adjacent: no slide is named, or the named ones differ."""
    groups = evidence.groups
    apart = groups is None or bool((groups[pairs[:, 0]] != groups[pairs[:, 1]]).all())
    few = len(pairs) <= max(1, _BY_CHANCE * len(evidence.manifest))
    return apart and few and bool((kind == ADJACENT).all())

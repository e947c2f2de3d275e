"""Exact and near duplicates: the same picture twice, whatever its file format or edit."""

import numpy as np

from her2bench.audit.context import AuditContext, CheckResult
from her2bench.audit.matching.components import counted, joined, mixed
from her2bench.audit.matching.duplicates import DUPLICATES, Duplicates
from her2bench.core.audit_findings import Finding, Severity
from her2bench.core.text import plural

_FLAWS: dict[str, tuple[Severity, str, str, str]] = {
    "duplicates_across_splits": (
        "serious",
        "in more than one split",
        "Networks are tested on pictures that they were trained on: the scores of these tiles "
        "show what was memorised, and are optimistic for every model.",
        "Drop all but one tile of each set, or keep each set in one split.",
    ),
    "duplicates_with_different_scores": (
        "serious",
        "with different scores",
        "All but one of the scores of such a picture are wrong: in training they are label noise, "
        "and no model can predict all of them correctly.",
        "Find out which score is right and drop the other tiles; if that is not known, drop all.",
    ),
    "duplicates_across_slides": (
        "warning",
        "under different group_id",
        "Slides taken to be independent are not: a split by slides puts one picture on both sides, "
        "and intervals are too narrow.",
        "If the slides are one, give them one group_id; else find the wrong rows and drop them.",
    ),
    "duplicates": (
        "warning",
        "more than once",
        "They count double in training and in every score, and intervals are too narrow; "
        "where tiles are split at random, copies lie on both sides.",
        "Keep one tile of each set.",
    ),
}


def check_duplicates(evidence: AuditContext) -> CheckResult:
    """Duplicates as findings: across splits, with different scores, across slides, and the rest."""
    found = evidence.pairs.duplicates
    sets = joined(found.pairs, found.confidence)
    facts = (evidence.split, evidence.labels, evidence.groups)
    flaws = [[mixed(fact, rows) for rows in sets] for fact in facts]
    flaws.append([not any(each) for each in zip(*flaws, strict=True)])
    findings = [
        _finding(evidence, name, [s for s, bad in zip(sets, about, strict=True) if bad], found)
        for name, about in zip(_FLAWS, flaws, strict=True)
        if any(about)
    ]
    pairs = {f"pairs of tiles, {kind}": float((found.kind == kind).sum()) for kind in DUPLICATES}
    return CheckResult(tuple(findings), {**pairs})


def _finding(
    evidence: AuditContext, name: str, sets: list[np.ndarray], found: Duplicates
) -> Finding:
    severity, where, effect, hint = _FLAWS[name]
    inside = np.isin(found.pairs[:, 0], np.concatenate(sets))
    ids = evidence.tile_ids
    number = len(sets)
    return Finding(
        kind=name,
        severity=severity,
        title=f"{number} {plural(number, 'picture stands', 'pictures stand')} {where} "
        f"(pairs: {counted(found.kind[inside], DUPLICATES)})",
        number=number,
        unit="pictures",
        effect=effect,
        hint=hint,
        tiles=tuple(tuple(ids[row] for row in rows) for rows in sets),
        slides=evidence.slides_of(np.concatenate(sets)),
        rank=100 * sum(map(len, sets)) / len(ids),
    )

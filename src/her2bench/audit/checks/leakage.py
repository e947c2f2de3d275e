"""Slides on both sides of the split, and ids that name tiles instead of slides."""

import itertools

import numpy as np

from her2bench.audit.context import AuditContext, CheckResult, NotMade
from her2bench.audit.partition import sides_of
from her2bench.core.audit_findings import Finding, Measured
from her2bench.core.text import plural

_MOST_PAIRS = 200  # pairs of tiles shown; all slides are named
_MOST_NAMED = 3  # sides whose pairs are listed one by one: train, val and test, but not ten folds
_UNKNOWN = NotMade("slides_unknown", "slides are unknown: see the estimate of hidden slides")
_NO_SPLIT = NotMade("no_split", "no split is given")
_LEAKS = (
    "slide-level leakage: the network has seen these slides in training, so scores are optimistic, "
    "and models that memorise slides beat models that read the stain"
)


def check_leakage(evidence: AuditContext) -> CheckResult:
    """Slides with tiles on more than one side of the split, by pair of sides (or of folds)."""
    if evidence.groups is None:
        return CheckResult(left_out=_UNKNOWN)
    groups = evidence.groups.astype(str)
    alone = _each_tile_alone(groups)
    if evidence.split is None:
        return CheckResult(alone, left_out=None if alone else _NO_SPLIT)
    split = evidence.split.astype(str)
    sides = {name: set(groups[split == name]) for name in sides_of(split)}
    shared = {(a, b): sides[a] & sides[b] for a, b in itertools.combinations(sides, 2)}
    measured: Measured = {f"slides_in_{a}_and_{b}": len(both) for (a, b), both in shared.items()}
    slides = sorted(set().union(*shared.values()))
    if not slides:
        return CheckResult(alone, measured)
    return CheckResult((*alone, _across_sides(evidence, groups, split, shared, slides)), measured)


def _across_sides(
    evidence: AuditContext,
    groups: np.ndarray,
    split: np.ndarray,
    shared: dict[tuple[str, str], set[str]],
    slides: list[str],
) -> Finding:
    held = np.isin(groups, slides)
    pairs = [f"{len(s)} between {a} and {b}" for (a, b), s in shared.items() if s]
    named = f" ({', '.join(pairs)})" if len(pairs) <= _MOST_NAMED else ""
    judged = held & (split != "train")
    return Finding(
        kind="groups_on_both_sides",
        severity="serious",
        title=f"{len(slides)} of {len(np.unique(groups))} slides "
        f"{plural(len(slides), 'lies', 'lie')} on more than one side of the split{named}; "
        f"{int(judged.sum())} of {int((split != 'train').sum())} tiles outside training are theirs",
        number=len(slides),
        unit="slides",
        effect=_LEAKS,
        hint="divide whole slides: split.kind = 'grouped' or 'grouped-kfold', or correct the "
        "column split",
        tiles=tuple(itertools.islice(_pairs(evidence, groups, split, slides), _MOST_PAIRS)),
        slides=tuple(slides),
        rank=100 * judged.sum() / max((split != "train").sum(), 1),
    )


def _pairs(evidence: AuditContext, groups: np.ndarray, split: np.ndarray, slides: list[str]):
    """The first tile on each side, for each slide split across partitions."""
    for slide in slides:
        rows = np.flatnonzero(groups == slide)
        firsts = [rows[split[rows] == side][:1] for side in sides_of(split[rows])]
        yield tuple(evidence.tile_ids[int(row)] for first in firsts for row in first)


def _each_tile_alone(groups: np.ndarray) -> tuple[Finding, ...]:
    """A group_id that differs for every tile names tiles, not slides."""
    n = len(groups)
    if n < 20 or len(np.unique(groups)) < n:
        return ()
    return (
        Finding(
            kind="groups_of_one_tile",
            severity="warning",
            title=f"group_id differs for each of the {n} tiles, so it hardly names slides",
            number=n,
            unit="groups",
            effect="tiles of one slide can still lie on both sides, and intervals take every tile "
            "as independent",
            hint="write the slide or the patient into group_id, or estimate it with --infer-groups",
        ),
    )

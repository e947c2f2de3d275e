"""Hidden slides: the estimate for a manifest, and its accuracy where slides are known."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb
from sklearn.metrics import adjusted_rand_score

from her2bench.audit.context import AuditContext, CheckResult
from her2bench.audit.slides.clustering import codes
from her2bench.audit.slides.inferred_slides import InferredSlides, group_name
from her2bench.core.audit_findings import Finding, Measured, Severity
from her2bench.core.text import plural

Ints = NDArray[np.int64]
_SURE = 0.5  # tiles below this confidence are left out when sides are compared
# Where a split keeps slides whole, only wrongly joined slides cross it. How often this limit is
# exceeded by splits of either kind is the last table of docs/hidden_slides.md.
AT_RANDOM = 0.9
_FEWEST_SHARED = 2  # one slide alone may well be two that look alike
_EXAMPLES = 12


def check_hidden_slides(evidence: AuditContext) -> CheckResult:
    """The slides as estimated: findings where none are named, else the accuracy of the estimate."""
    found, truth, scores = evidence.slides, evidence.groups, evidence.slide_scores
    if truth is not None:
        return CheckResult(measured=_against(truth, found, evidence))
    findings = [_unnamed(found, evidence, scores)]
    measured: Measured = {"hidden_slides_estimated": found.slides}
    if evidence.split is not None:
        crossing = crossing_ratio(found, evidence.split, evidence.readable, scores)
        measured["hidden_slides_crossing"] = crossing
        shared = _slides_across_sides(found, evidence)
        if crossing is not None and crossing > AT_RANDOM and len(shared) >= _FEWEST_SHARED:
            # Without scores too many slides are joined to be sure.
            severity = "serious" if scores is not None else "warning"
            findings.append(_both_sides(found, evidence, shared, crossing, severity))
    return CheckResult(tuple(findings), measured)


def pairs_kept(truth: NDArray, estimate: NDArray) -> tuple[float, float]:
    """Share of truly same-slide pairs kept together, and of pairs put together that truly are.

    Args:
        truth: (n,) slides.
        estimate: (n,) groups.

    >>> pairs_kept(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    (0.3333333333333333, 0.5)
    """
    true, guess = codes(truth), codes(estimate)
    both = np.bincount(codes(true * (guess.max() + 1) + guess))
    shared = comb(both, 2).sum()
    of_truth, of_guess = (comb(np.bincount(code), 2).sum() for code in (true, guess))
    kept = shared / of_truth if of_truth else 1.0
    return float(kept), float(shared / of_guess if of_guess else 1.0)


def crossing_ratio(
    found: InferredSlides,
    split: NDArray,
    readable: NDArray[np.bool_],
    scores: NDArray | None = None,
) -> float | None:
    """How often tiles of one estimated slide lie on different sides, against a random division.

    1: as often as if tiles had been divided at random among those of their score. 0: never.
    None where there is one side only, or no score with two groups, one of them of two sure tiles:
    where all tiles of a score are one group, any division is a random one of that group.
    """
    chosen = _sure(found, readable)
    if scores is not None:
        chosen &= ~np.isin(scores, _one_slide_scores(found, scores, chosen))
    group, side = codes(found.group[chosen]), codes(np.asarray(split, str)[chosen])
    label = np.zeros(len(side), np.int64) if scores is None else codes(scores[chosen])
    if not len(side) or side.max() == 0:
        return None
    _, first = np.unique(group, return_index=True)
    apart, by_chance = _apart(group, side), _apart(label, side)
    pairs = comb(np.bincount(group), 2)
    expected = (pairs * by_chance[label[first]]).sum()
    return float((pairs * apart).sum() / expected) if expected else None


def _sure(found: InferredSlides, readable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return readable & (found.confidence >= _SURE)


def _one_slide_scores(found: InferredSlides, scores: NDArray, chosen: NDArray[np.bool_]) -> list:
    """The scores whose tiles are all taken to be of one slide."""
    values = np.unique(scores[chosen])
    return [v for v in values if len(np.unique(found.group[chosen & (scores == v)])) < 2]


def _apart(group: Ints, side: Ints) -> NDArray:
    """Of each group, the share of its pairs of tiles that lie on different sides."""
    pairs = comb(np.bincount(group), 2)
    together = np.zeros(len(pairs))
    for value in range(side.max() + 1):
        together += comb(np.bincount(group[side == value], minlength=len(pairs)), 2)
    return 1 - together / np.maximum(pairs, 1)


def _against(truth: NDArray, found: InferredSlides, evidence: AuditContext) -> Measured:
    """The accuracy of the estimate, and beside it that of the score alone."""
    good, scores = evidence.readable, evidence.labels
    true, guess = codes(truth[good]), found.group[good]
    kept, right = pairs_kept(true, guess)
    return {
        "hidden_slides_estimated": float(len(np.unique(guess))),
        "hidden_slides_true": float(len(np.unique(true))),
        "hidden_slides_adjusted_rand": float(adjusted_rand_score(true, guess)),
        "hidden_slides_adjusted_rand_of_score_alone": float(
            adjusted_rand_score(true, codes(scores[good]))
        ),
        "hidden_slides_pairs_kept": kept,
        "hidden_slides_pairs_right": right,
    }


def _unnamed(found: InferredSlides, evidence: AuditContext, scores: NDArray | None) -> Finding:
    tiles = int(evidence.readable.sum())
    named = f"{found.slides:,} {plural(found.slides, 'slide')}"
    taken, alone = "", ""
    sure = f"The mean confidence of a tile's place is {found.quality:.0%}."
    if scores is not None:
        by_score = len(np.unique(scores[evidence.readable]))
        taken = (
            " It takes the score to be the slide's; if tiles were scored one by one, give "
            "--score-of tile, or slides are split by score."
        )
        alone = f" (the score alone distinguishes {by_score})" if by_score > 1 else ""
        if found.slides <= by_score:
            sure = "Nothing else distinguishes more of them than the score does."
    return Finding(
        kind="hidden_slides",
        severity="warning",
        title=f"No slide is named (no group_id); by glass, light, stain and lens the "
        f"{tiles:,} tiles look like about {named}{alone}.",
        number=found.slides,
        unit="slides, estimated",
        effect="Without slides every tile counts as independent: intervals are too narrow and "
        "differences are found that are not there. With estimated slides they are nearly correct: "
        "slides wrongly joined hardly change intervals, slides wrongly split make them somewhat "
        f"too narrow. {sure}",
        hint="Best: get the slide or patient of each tile from the source, as group_id. "
        f"Else --infer-groups writes this estimate as group_id with a confidence.{taken}",
        rank=100,
    )


def _slides_across_sides(found: InferredSlides, evidence: AuditContext) -> list[int]:
    """The estimated slides whose sure tiles lie on several sides."""
    split = np.asarray(evidence.split, str)
    sure = _sure(found, evidence.readable)
    groups = np.unique(found.group[sure]).tolist()
    return [g for g in groups if len(set(split[sure & (found.group == g)])) > 1]


def _both_sides(
    found: InferredSlides,
    evidence: AuditContext,
    shared: list[int],
    crossing: float,
    severity: Severity,
) -> Finding:
    split = np.asarray(evidence.split, str)
    sure = _sure(found, evidence.readable)
    sets = [_example(found, split, sure, g, evidence.tile_ids) for g in shared[:_EXAMPLES]]
    return Finding(
        kind="hidden_slides_on_both_sides",
        severity=severity,
        title=f"{len(shared):,} of about {found.slides:,} estimated slides have tiles on both "
        f"sides of the split: {crossing:.0%} of the rate for tiles divided at random.",
        number=len(shared),
        unit="slides, estimated",
        effect="A model is tested on slides that it was trained on and can predict by recognising "
        "the slide: scores are optimistic. Single slides listed here may be wrong, since two "
        "slides that look alike are taken as one; the finding is that the split does not keep "
        "slides whole.",
        hint="Divide again by slide (split.kind = 'grouped') with true slide ids, or with those "
        "that --infer-groups estimates.",
        tiles=tuple(sets),
        slides=tuple(group_name(g) for g in shared[:_EXAMPLES]),
        rank=min(100, 100 * crossing),
    )


def _example(
    found: InferredSlides, split: NDArray, sure: NDArray[np.bool_], group: int, ids: list[str]
) -> tuple[str, ...]:
    """The surest tile of a group on each side."""
    here = np.flatnonzero(sure & (found.group == group))
    here = here[np.argsort(-found.confidence[here], kind="stable")]
    _, first = np.unique(split[here], return_index=True)
    return tuple(ids[row] for row in here[first])

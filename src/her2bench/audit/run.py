"""The audit: one pass over the tiles, then every check; all findings, worst first."""

from pathlib import Path

import numpy as np
import polars as pl

from her2bench.audit.checks.duplicates import check_duplicates, find_duplicates
from her2bench.audit.checks.hidden_slides import check_hidden_slides
from her2bench.audit.checks.image_quality import check_images
from her2bench.audit.checks.labels import TILE_SCORE, check_labels
from her2bench.audit.checks.leakage import check_sides
from her2bench.audit.checks.neighbours import ADJACENT, check_neighbours, find_neighbours
from her2bench.audit.checks.power import check_power
from her2bench.audit.checks.shortcuts import check_shortcuts
from her2bench.audit.context import Check, Evidence
from her2bench.audit.features.extraction import observe
from her2bench.audit.features.matching_features import SIGNATURES
from her2bench.audit.features.quality import MEASURES
from her2bench.audit.slides.inferred_slides import of_one_file, with_inferred_groups
from her2bench.audit.slides.scanner_features import FINGERPRINTS
from her2bench.core.audit_findings import TOO_FEW, Audit, Finding, worst_first
from her2bench.core.manifest import read_scores, targets
from her2bench.core.parallel import step_by_step

EXTRACTS = (MEASURES, SIGNATURES, FINGERPRINTS)
CHECKS: dict[str, Check] = {
    "images": check_images,
    "duplicates": check_duplicates,
    "neighbours": check_neighbours,
    "hidden slides": lambda evidence: check_hidden_slides(
        evidence, of_one_slide(evidence), evidence.score_is_slides
    ),
    "groups on both sides": check_sides,
    "shortcuts": check_shortcuts,
    "labels": check_labels,
    "power": check_power,
}
_FROM_TABLE = ("groups on both sides", "labels")
"""Checks that rest on the table, wholly or for the most part, and need no readable tile."""
_FEWEST = 2
_SURELY_ADJACENT = 0.65  # correlation at the seam: chance seldom reaches it, most neighbours do


def gather(
    manifest: pl.DataFrame,
    endpoint: str = "2+",
    split: np.ndarray | None = None,
    cache: Path | None = None,
    score_is_slides: bool = True,
    where: object = "manifest",
) -> Evidence:
    """Look at every tile once.

    Args:
        manifest: as `read_manifest` gives it.
        endpoint: what counts as positive.
        split: (n,) text, the side of each tile in the comparison to come; None: no split yet.
        cache: folder in which what was seen is kept for the next audit; None: not kept.
        score_is_slides: whether the score is the slide's and not each tile's own.
        where: the manifest's path, for messages.

    Raises:
        UserError: unknown endpoint, no status where it is asked for, a `tile_score` that is no
            score, or no room on disk.
    """
    target = targets(manifest, endpoint, where).to_numpy()
    if TILE_SCORE in manifest.columns:
        own = read_scores(manifest[TILE_SCORE], where, gaps=True)
        manifest = manifest.with_columns(own)
    seen = observe(manifest, EXTRACTS, cache)
    return Evidence(manifest, target, endpoint, seen, split, score_is_slides)


def judge(evidence: Evidence, where: object) -> Audit:
    """Let every check look at the evidence.

    Args:
        evidence: as `gather` gives it.
        where: the manifest's path, as a reader should see it.
    """
    few = evidence.readable.sum() < _FEWEST
    can_be = ("images", *(_FROM_TABLE if len(evidence.manifest) >= _FEWEST else ()))
    findings: list[Finding] = []
    clean, left_out, measured = [], {}, {}
    for name, check in step_by_step(CHECKS, "looking for"):
        if few and name not in can_be:
            left_out[name] = TOO_FEW
            continue
        found = check(evidence)
        findings += [_tidied(finding) for finding in found.findings]
        measured |= found.measured or {}
        if found.left_out or (name == "labels" and few):
            left_out[name] = found.left_out or f"only what the table says: {TOO_FEW}"
        elif not found.findings:
            clean.append(name)
    return Audit(
        manifest=str(where),
        endpoint=evidence.endpoint,
        tiles=len(evidence.manifest),
        findings=worst_first(findings),
        clean=tuple(clean),
        left_out=left_out,
        measured=measured,
    )


def audit(
    manifest: pl.DataFrame,
    where: object,
    endpoint: str = "2+",
    split: np.ndarray | None = None,
    cache: Path | None = None,
) -> Audit:
    """Everything in a manifest that would fool a comparison: `gather`, then `judge`."""
    return judge(gather(manifest, endpoint, split, cache, where=where), where)


def _tidied(finding: Finding) -> Finding:
    """The title as a heading, without a full stop; effect and cure as sentences."""
    sentences = {name: getattr(finding, name).strip() for name in ("effect", "cure")}
    sentences = {n: f"{t[:1].upper()}{t[1:].rstrip('.')}." for n, t in sentences.items()}
    return finding.model_copy(update={"title": finding.title.strip().rstrip("."), **sentences})


def inferred(evidence: Evidence) -> pl.DataFrame:
    """The manifest with an estimate of each tile's slide, `group_id` and `group_confidence`."""
    manifest, seen = evidence.manifest, evidence.observations
    return with_inferred_groups(manifest, seen, of_one_slide(evidence), evidence.score_is_slides)


def of_one_slide(evidence: Evidence) -> np.ndarray:
    """Pairs of rows (k, 2) that are surely of one slide: duplicates, neighbours, one file's."""
    seen = evidence.observations
    beside = find_neighbours(seen)
    sure = beside.pairs[(beside.kind != ADJACENT) | (beside.confidence >= _SURELY_ADJACENT)]
    return np.concatenate([find_duplicates(seen).pairs, sure, of_one_file(evidence.manifest)])

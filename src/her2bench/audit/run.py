"""The audit: one pass over the tiles, then every check; all findings, most severe first."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.audit.checks.duplicates import check_duplicates
from her2bench.audit.checks.hidden_slides import check_hidden_slides
from her2bench.audit.checks.image_quality import check_images
from her2bench.audit.checks.labels import TILE_SCORE, check_labels
from her2bench.audit.checks.leakage import check_leakage
from her2bench.audit.checks.neighbours import check_neighbours
from her2bench.audit.checks.power import check_power
from her2bench.audit.checks.shortcuts import check_shortcuts
from her2bench.audit.context import AuditContext, Check, CheckResult, NotMade
from her2bench.audit.features.extraction import observe
from her2bench.audit.features.quality import QUALITY_FEATURES
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.slides.inferred_slides import with_inferred_slides
from her2bench.audit.slides.scanner_features import SCANNER_FEATURES
from her2bench.core.audit_findings import Audit, Finding, LeftOut, worst_first
from her2bench.core.manifest import read_scores, targets
from her2bench.core.parallel import step_by_step
from her2bench.core.tables import require_columns
from her2bench.core.vocabulary import binary_endpoint
from her2bench.data.tile_cache.previews import thumbnails

EXTRACTS = (QUALITY_FEATURES, MATCHING_FEATURES, SCANNER_FEATURES)
CHECKS: dict[str, Check] = {
    "images": check_images,
    "duplicates": check_duplicates,
    "neighbours": check_neighbours,
    "hidden slides": check_hidden_slides,
    "groups on both sides": check_leakage,
    "shortcuts": check_shortcuts,
    "labels": check_labels,
    "power": check_power,
}
_FROM_TABLE = ("groups on both sides", "labels")
"""Checks that rest on the table, wholly or for the most part, and need no readable tile."""
_FEWEST = 2
_TOO_FEW = NotMade("too_few_tiles", "fewer than two tiles can be read")
_TABLE_ONLY = NotMade("too_few_tiles", f"only what the table says: {_TOO_FEW.text}")


@dataclass(frozen=True)
class AuditResult:
    """The findings, and what they were made from."""

    audit: Audit
    evidence: AuditContext

    @property
    def tiles(self) -> pl.DataFrame:
        """The manifest, with the audited split."""
        manifest, split = self.evidence.manifest, self.evidence.split
        return manifest if split is None else manifest.with_columns(pl.Series("split", split))

    @property
    def with_slides(self) -> pl.DataFrame:
        """The manifest with an estimate of each tile's slide, `group_id` and `group_confidence`."""
        return with_inferred_slides(self.evidence.manifest, self.evidence.slides)

    def pictures(self, tile_ids: Collection[str]) -> dict[str, bytes]:
        """tile_id → JPEG bytes, of the tiles that can (still) be read."""
        return thumbnails(self.evidence.manifest, tile_ids)


def run_audit(
    manifest: pl.DataFrame,
    where: object,
    endpoint: str = "2+",
    split: np.ndarray | None = None,
    cache: Path | None = None,
    score_is_slides: bool = True,
    tile_score: str | None = None,
) -> AuditResult:
    """Everything in a manifest that would mislead a comparison: `gather`, then `judge`.

    Args:
        manifest, endpoint, split, cache, score_is_slides, tile_score: as in `gather`.
        where: the manifest's path, as a reader should see it.
    """
    evidence = gather(manifest, endpoint, split, cache, score_is_slides, where, tile_score)
    return AuditResult(judge(evidence, where), evidence)


def gather(
    manifest: pl.DataFrame,
    endpoint: str = "2+",
    split: np.ndarray | None = None,
    cache: Path | None = None,
    score_is_slides: bool = True,
    where: object = "manifest",
    tile_score: str | None = None,
) -> AuditContext:
    """Look at every tile once.

    Args:
        manifest: as `read_manifest` gives it.
        endpoint: what counts as positive.
        split: (n,) text, the side of each tile in the comparison to come; None: no split yet.
        cache: folder in which what was seen is kept for the next audit; None: not kept.
        score_is_slides: whether the score is the slide's and not each tile's own.
        where: the manifest's path, for messages.
        tile_score: the column with each tile's own score; None: `tile_score`, if there is one.

    Raises:
        UserError: unknown endpoint, no status where it is asked for, no column of that name, a tile
            score that is no score, or no space on disk.
    """
    endpoint = binary_endpoint(endpoint)
    target = targets(manifest, endpoint, where).to_numpy()
    if tile_score:
        require_columns(manifest, (tile_score,), where)
    if (column := tile_score or TILE_SCORE) in manifest.columns:
        own = read_scores(manifest[column], where, gaps=True)
        manifest = manifest.with_columns(own.alias(TILE_SCORE))
    seen = observe(manifest, EXTRACTS, cache)
    return AuditContext(manifest, target, endpoint, seen, split, score_is_slides)


def judge(evidence: AuditContext, where: object) -> Audit:
    """Let every check look at the evidence.

    Args:
        evidence: as `gather` gives it.
        where: the manifest's path, as a reader should see it.
    """
    found = {n: _asked(n, check, evidence) for n, check in step_by_step(CHECKS, "looking for")}
    return Audit(
        manifest=str(where),
        endpoint=evidence.endpoint,
        tiles=len(evidence.manifest),
        findings=worst_first([_tidied(f) for each in found.values() for f in each.findings]),
        clean=tuple(n for n, each in found.items() if not each.findings and not each.left_out),
        left_out=tuple(
            LeftOut(check=name, kind=each.left_out.kind, text=each.left_out.text)
            for name, each in found.items()
            if each.left_out
        ),
        measured={k: v for each in found.values() for k, v in (each.measured or {}).items()},
    )


def _asked(name: str, check: Check, evidence: AuditContext) -> CheckResult:
    """What a check finds; where too few tiles can be read, only what the table alone says."""
    if evidence.readable.sum() >= _FEWEST:
        return check(evidence)
    from_table = name in _FROM_TABLE and len(evidence.manifest) >= _FEWEST
    if not from_table and name != "images":
        return CheckResult(left_out=_TOO_FEW)
    found = check(evidence)
    return replace(found, left_out=found.left_out or _TABLE_ONLY) if name == "labels" else found


def _tidied(finding: Finding) -> Finding:
    """The title as a heading, without a full stop; effect and hint as sentences."""
    sentences = {name: getattr(finding, name).strip() for name in ("effect", "hint")}
    sentences = {n: f"{t[:1].upper()}{t[1:].rstrip('.')}." for n, t in sentences.items()}
    return finding.model_copy(update={"title": finding.title.strip().rstrip("."), **sentences})

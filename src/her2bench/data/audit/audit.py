"""The audit: one pass over the tiles, then every check; all findings, worst first."""

from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.findings import Audit, Finding, worst_first
from her2bench.core.manifest import targets
from her2bench.data.audit.evidence import Check, Evidence
from her2bench.data.audit.observations import observe
from her2bench.data.audit.tile import Extract

EXTRACTS: tuple[Extract, ...] = ()
CHECKS: dict[str, Check] = {}
_WITHOUT_TILES = ("images",)
_FEWEST = 2


def gather(
    manifest: pl.DataFrame,
    endpoint: str = "2+",
    split: np.ndarray | None = None,
    cache: Path | None = None,
) -> Evidence:
    """Look at every tile once.

    Args:
        manifest: as `read_manifest` gives it.
        endpoint: what counts as positive.
        split: (n,) text, the side of each tile in the comparison to come; None: no split yet.
        cache: folder in which what was seen is kept for the next audit; None: not kept.

    Raises:
        UserError: unknown endpoint, no status where it is asked for, or no room on disk.
    """
    target = targets(manifest, endpoint).to_numpy()
    return Evidence(manifest, target, endpoint, observe(manifest, EXTRACTS, cache), split)


def judge(evidence: Evidence, where: object) -> Audit:
    """Let every check look at the evidence.

    Args:
        evidence: as `gather` gives it.
        where: the manifest's path, as a reader should see it.
    """
    findings: list[Finding] = []
    clean, left_out, measured = [], {}, {}
    for name, check in CHECKS.items():
        if evidence.readable.sum() < _FEWEST and name not in _WITHOUT_TILES:
            left_out[name] = "fewer than two tiles can be read"
            continue
        found = check(evidence)
        findings += found.findings
        measured |= found.measured or {}
        if found.left_out:
            left_out[name] = found.left_out
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
    return judge(gather(manifest, endpoint, split, cache), where)

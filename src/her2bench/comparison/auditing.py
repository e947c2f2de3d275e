"""The audit of a comparison: its tiles, endpoint and split, before training."""

import shutil
from pathlib import Path

from her2bench.audit.partition import split_from
from her2bench.audit.run import run_audit
from her2bench.comparison.existing_folder import is_kept
from her2bench.comparison.prepared import Prepared
from her2bench.core.audit_findings import Finding, read_audit
from her2bench.core.checksums import is_whole_or_older
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.data.tile_cache.artifact_cache import cache_folder
from her2bench.report.pages.audit_page import write_audit_files


def audit_comparison(prepared: Prepared, cache: Path | None) -> None:
    """Audit a comparison's tiles and write findings, page and pictures to its folder.

    A resumed comparison is not audited again: audit.json is written last.
    """
    folder, config = prepared.folder, prepared.config
    if is_kept(folder, folder.audit) and is_whole_or_older(folder.audit_pictures):
        return
    shutil.rmtree(folder.audit_pictures, ignore_errors=True)
    split = split_from(prepared.splits, prepared.manifest, folder.splits)
    place = cache or cache_folder()
    found = run_audit(prepared.manifest, config.manifest, config.endpoint, split, place)
    unit = config.report.unit
    write_audit_files(found.audit, found.tiles, found.pictures, folder, True, unit)
    folder.seal(folder.audit)


def checked_findings(folder: ComparisonFolder, strict: bool) -> tuple[Finding, ...]:
    """The findings of a comparison's audit.

    Raises:
        UserError: `strict`, and a finding is serious.
    """
    findings = read_audit(folder.audit).findings
    serious = [finding for finding in findings if finding.severity == "serious"]
    if strict and serious:
        raise UserError(
            folder.audit_page,
            found="; ".join(finding.title for finding in serious),
            expected="no serious finding (--strict)",
            hint=f"{serious[0].hint.rstrip('.')}; or leave out --strict",
        )
    return findings

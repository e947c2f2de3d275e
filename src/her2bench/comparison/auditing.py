"""The audit of a comparison: with its own tiles, endpoint and split, before any training."""

import shutil
from pathlib import Path

import polars as pl

from her2bench.audit.partition import split_from
from her2bench.audit.run import audit
from her2bench.comparison.existing_folder import is_kept
from her2bench.comparison.prepared import Prepared
from her2bench.core.audit_findings import write_audit
from her2bench.core.checksums import is_whole_or_older
from her2bench.data.tile_cache.artifact_cache import cache_folder
from her2bench.data.tile_cache.previews import thumbnails
from her2bench.report.gallery_files import write_audit_pictures
from her2bench.report.pages.audit_page import write_audit_page
from her2bench.report.sections.audit_view import pictured


def run_audit(prepared: Prepared, cache: Path | None) -> None:
    """Audit a comparison's tiles and keep findings, page and pictures in its folder.

    A comparison that goes on is not audited again: audit.json is written last.
    """
    folder, manifest = prepared.folder, prepared.manifest
    if is_kept(folder, folder.audit) and is_whole_or_older(folder.audit_pictures):
        return
    shutil.rmtree(folder.audit_pictures, ignore_errors=True)
    split = split_from(prepared.splits, manifest, folder.splits)
    where = prepared.config.manifest
    found = audit(manifest, where, prepared.config.endpoint, split, cache or cache_folder())
    tiles = manifest.with_columns(pl.Series("split", split))
    wanted = pictured(found, tiles)
    pictures = thumbnails(manifest, wanted)
    write_audit_pictures(folder, wanted, pictures)
    write_audit_page(found, tiles, pictures, folder.audit_page)
    write_audit(found, folder.audit)
    folder.seal(folder.audit)

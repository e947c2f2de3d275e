"""`her2bench.audit`: data quality checks before anything is trained."""

from pathlib import Path

import polars as pl

from her2bench.api.frames import Table, as_polars
from her2bench.api.results import AuditResults
from her2bench.audit.cleaning import tiles_to_drop
from her2bench.audit.partition import chosen_split
from her2bench.audit.run import AuditResult, run_audit
from her2bench.core.errors import UserError
from her2bench.core.manifest import check_manifest, read_manifest, write_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import write_table
from her2bench.data.tile_cache.artifact_cache import cache_folder
from her2bench.report.pages.audit_page import write_audit_files


def audit(
    manifest: Table,
    out: str | Path | None = None,
    *,
    endpoint: str = "2+",
    split_from: str | Path | None = None,
    infer_groups: str | Path | None = None,
    write_clean: str | Path | None = None,
    tile_score: str | None = None,
    score_of: str = "slide",
    cache: str | Path | None = None,
) -> AuditResults:
    """Look for duplicates, leakage, shortcuts, suspicious labels and images, and low power.

    Args:
        manifest: a path or a frame, one row per tile.
        out: folder for audit.json and audit.html; without it nothing is written.
        endpoint: what counts as positive: 2+, 3+, 1+ or status.
        split_from: a table of `tile_id` and `split`; by default the manifest's own split.
        infer_groups: also estimate which tiles come from one slide, and write a manifest with the
            estimate as `group_id` to this file.
        write_clean: also write the manifest to this file without tiles that cannot be read, hold
            no tissue or repeat another, and the dropped tiles beside it (`clean-dropped.csv`).
        tile_score: column with each tile's own score.
        score_of: whose the score is, "slide" or "tile".
        cache: folder of the tile cache; the user's cache folder by default.

    Returns:
        The findings, most severe first, with `.to_polars()` and `.to_pandas()`.

    Raises:
        UserError: the manifest or an argument is wrong, or a folder cannot be written.
    """
    if score_of not in ("slide", "tile"):
        raise UserError("--score-of", found=repr(score_of), expected="slide or tile")
    table, where = _read(manifest, tile_score)
    split = chosen_split(table, None if split_from is None else Path(split_from))
    place, of_slides = Path(cache) if cache else cache_folder(), score_of == "slide"
    found = run_audit(table, where, endpoint, split, place, of_slides, tile_score)
    if infer_groups is not None:
        write_manifest(found.with_slides, Path(infer_groups))
    dropped = None if write_clean is None else _write_clean(table, found, Path(write_clean), where)
    if out is None:
        return AuditResults(found.audit, dropped=dropped)
    folder = ComparisonFolder(Path(out))
    write_audit_files(found.audit, found.tiles, found.pictures, folder)
    return AuditResults(found.audit, folder.audit_page, dropped)


def dropped_file(clean: Path) -> Path:
    """The table of dropped tiles beside a clean manifest.

    >>> dropped_file(Path("a/clean.parquet")).name
    'clean-dropped.csv'
    """
    return clean.with_name(f"{clean.stem}-dropped.csv")


def _write_clean(
    table: pl.DataFrame, found: AuditResult, path: Path, where: object
) -> pl.DataFrame:
    """Write the manifest without the tiles to drop, and these with their reasons."""
    dropped = tiles_to_drop(found.audit, found.tiles)
    clean = table.filter(~pl.col("tile_id").is_in(dropped["tile_id"].implode()))
    if clean.is_empty():
        raise UserError(
            where,
            found=f"all {len(table)} tiles would be dropped",
            expected="tiles that are left for the clean manifest",
            hint="look at the findings first: leave out --write-clean",
        )
    write_manifest(clean, path)
    write_table(dropped, dropped_file(path))
    return dropped


def _read(manifest: Table, tile_score: str | None) -> tuple[pl.DataFrame, Path]:
    """The checked manifest, and its name in messages."""
    if isinstance(manifest, str | Path):
        return read_manifest(Path(manifest), [tile_score] if tile_score else []), Path(manifest)
    return check_manifest(as_polars(manifest), Path("manifest")), Path("manifest")

"""Which tiles an audit's findings say to drop, by a rule that needs no judgement."""

from collections.abc import Collection

import polars as pl

from her2bench.core.audit_findings import Audit
from her2bench.core.vocabulary import SPLITS

WHOLE = {
    "unreadable_images": "cannot be read",
    "blank_tiles": "holds no tissue",
    "duplicates_with_different_scores": "the same picture as {}, with another score",
}
"""Findings of which every tile is dropped."""
ALL_BUT_ONE = ("duplicates_across_splits", "duplicates_across_slides", "duplicates")
"""Findings of which one tile of each set is kept: in train, else val, else test; there the first.

Other findings (focus, exposure, stain, slides on both sides, unusual slides) need a person's
judgement, or another split, and drop nothing.
"""
COLUMNS = ("tile_id", "path", "kind", "reason")


def tiles_to_drop(audit: Audit, tiles: pl.DataFrame) -> pl.DataFrame:
    """The tiles to drop, in the manifest's order, each once: `tile_id, path, kind, reason`.

    Args:
        audit: the findings.
        tiles: the audited manifest, with the audited split where there is one.
    """
    order = _order(tiles)
    found: dict[str, tuple[str, str]] = {}
    for kind in (*WHOLE, *ALL_BUT_ONE):
        for finding in audit.findings:
            for ids in finding.tiles if finding.kind == kind else ():
                for tile_id, reason in _reasons(kind, ids, order, found).items():
                    found.setdefault(tile_id, (kind, reason))
    rows = [
        (tile_id, path, *found[tile_id])
        for tile_id, path in tiles.select("tile_id", "path").iter_rows()
        if tile_id in found
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _order(tiles: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Rank of each tile among its copies: the least is kept."""
    sides = tiles["split"] if "split" in tiles.columns else [None] * len(tiles)
    rank = {side: place for place, side in enumerate(SPLITS)}
    ids = enumerate(zip(tiles["tile_id"], sides, strict=True))
    return {tile_id: (rank.get(side, len(rank)), row) for row, (tile_id, side) in ids}


def _reasons(
    kind: str,
    ids: Collection[str],
    order: dict[str, tuple[int, int]],
    dropped: Collection[str],
) -> dict[str, str]:
    """tile_id → why it is dropped, for one set of tiles of a finding."""
    if kind in WHOLE:
        others = {tile: next((o for o in ids if o != tile), "") for tile in ids}
        return {tile: WHOLE[kind].format(other) for tile, other in others.items()}
    left = sorted((tile for tile in ids if tile not in dropped), key=lambda tile: order[tile])
    kept = left[0] if left else ""
    return dict.fromkeys(left[1:], f"the same picture as {kept}, which is kept")

"""audit.html: the audit's findings with pictures, one file that opens offline."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.core.atomic_io import replacing
from her2bench.core.audit_findings import Audit, write_audit
from her2bench.core.runs import ComparisonFolder
from her2bench.core.versions import versions
from her2bench.core.vocabulary import ENDPOINTS
from her2bench.report.gallery_files import read_audit_pictures, write_audit_pictures
from her2bench.report.inputs import ReportInputs
from her2bench.report.pages.html import assets, environment
from her2bench.report.sections.audit_view import counted, pictured, shown_findings, with_sides

_STYLES = ("colours.css", "page.css", "tables.css", "audit.css", "print.css")


def write_audit_files(
    audit: Audit,
    tiles: pl.DataFrame,
    draw: Callable[[list[str]], Mapping[str, bytes]],
    folder: ComparisonFolder,
    keep_pictures: bool = False,
    unit: str = "slide",
) -> None:
    """Write the output of an audit: pictures, audit.html, and audit.json last.

    Args:
        audit: what was found.
        tiles: `tile_id` and, where known, `score`, `group_id`, `split`.
        draw: returns JPEG bytes of the requested readable tiles.
        folder: of the output.
        keep_pictures: also write them as files.
        unit: of independence; the page says it instead of slide.
    """
    wanted = pictured(audit, tiles)
    pictures = draw(wanted)
    if keep_pictures:
        write_audit_pictures(folder, wanted, pictures)
    write_audit_page(audit, tiles, pictures, folder.audit_page, unit)
    write_audit(audit, folder.audit)


def write_audit_page(
    audit: Audit,
    tiles: pl.DataFrame,
    thumbnails: Mapping[str, bytes],
    path: Path,
    unit: str = "slide",
) -> Path:
    """Write the page, whole or not at all.

    Args:
        audit: what was found.
        tiles: `tile_id` and, where known, `score`, `group_id`, `split`.
        thumbnails: tile_id → JPEG bytes, of the tiles that `pictured` names.
        path: the page's.
        unit: of independence.
    """
    page = (
        environment(unit)
        .get_template("audit_page.html")
        .render(
            **audit_contents(audit, tiles, thumbnails),
            **assets(_STYLES, ("page.js",)),
            endpoint=ENDPOINTS.get(audit.endpoint, audit.endpoint),
            name=Path(audit.manifest).name,
            versions=versions(),
        )
    )
    with replacing(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


def rewrite_audit_page(material: ReportInputs, unit: str) -> None:
    """Write the audit page in the report's unit; without kept pictures it stays as it is."""
    if material.audit is None:
        return
    tiles = with_sides(material.manifest, material.splits)
    kept, wanted = read_audit_pictures(material.folder), pictured(material.audit, tiles)
    if kept or not wanted:
        write_audit_page(material.audit, tiles, kept, material.folder.audit_page, unit)


def audit_contents(
    audit: Audit, tiles: pl.DataFrame, thumbnails: Mapping[str, bytes]
) -> dict[str, Any]:
    """What the template of the findings needs."""
    return {
        "audit": audit,
        "counted": counted(audit),
        "findings": shown_findings(audit, tiles, thumbnails),
        "measured": [(_name(name), _value(v)) for name, v in audit.measured.items()],
    }


def _name(name: str) -> str:
    """The label of a measured value.

    >>> _name("roc_auc_jpeg_quality"), _name("tiles_by_score")
    ('ROC-AUC: JPEG quality', 'Tiles by score')
    """
    words = " ".join({"dab": "DAB", "jpeg": "JPEG"}.get(word, word) for word in name.split("_"))
    if words.startswith("roc auc "):
        return f"ROC-AUC: {words.removeprefix('roc auc ')}"
    return words[:1].upper() + words[1:]


def _value(value: float | str | None) -> str:
    """A measured value in three significant digits, or as a whole number.

    >>> _value(0.81234), _value(51.0), _value(None)
    ('0.812', '51', 'unknown')
    """
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return value
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")

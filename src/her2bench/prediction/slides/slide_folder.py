"""The folder of a predicted slide: written whole or not at all, and recognised when it is there."""

import json
import shutil
from pathlib import Path
from typing import Any

from her2bench.core.atomic_io import TEMPORARY, replacing, writing
from her2bench.core.errors import UserError
from her2bench.core.tables import write_table
from her2bench.prediction.slides.geojson import write_geojson
from her2bench.prediction.slides.heatmap_figure import write_heatmap
from her2bench.prediction.slides.slide_prediction import SlidePrediction

SUMMARY = "summary.json"


def finished(folder: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The summary of a slide that was finished with these settings; None where nothing is there.

    Raises:
        UserError: the folder holds something else.
    """
    if not folder.exists():
        return None
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        summary = {}
    if isinstance(summary, dict) and summary.get("settings") == settings:
        return summary
    known = summary.get("settings") if isinstance(summary, dict) else None
    known = known if isinstance(known, dict) else {}
    other = [name for name in settings if known.get(name) != settings[name]]
    found = f"predicted with another {', '.join(other)}" if known else "exists already"
    hint = "add --overwrite to replace it, or name another folder with -o"
    raise UserError(folder, found=found, expected="a new folder, or the same command", hint=hint)


def write_slide(
    slide: SlidePrediction, summary: dict[str, Any], folder: Path, table: str, gzipped: bool
) -> None:
    """Write tiles, GeoJSON, heatmap and summary of a slide; what was there before is replaced.

    Args:
        slide: predicted.
        summary: as `summary_of` makes it.
        folder: of the slide.
        table: csv or parquet.
        gzipped: the GeoJSON.

    Raises:
        UserError: the disk is full, or the folder cannot be written; nothing is left behind.
    """
    old = folder.with_name(f"{TEMPORARY}{folder.name}")
    with replacing(folder) as temporary:
        temporary.mkdir()
        write_table(slide.table, temporary / f"tiles.{table}")
        write_geojson(slide, temporary / f"tiles.geojson{'.gz' if gzipped else ''}")
        write_heatmap(slide, summary, temporary / "heatmap.png")
        text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
        (temporary / SUMMARY).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            with writing(folder):
                folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)

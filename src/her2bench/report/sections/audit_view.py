"""The audit's findings for a page: text and pictures of tiles."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from her2bench.core.audit_findings import SEVERITIES, Audit, Finding
from her2bench.core.text import plural
from her2bench.core.vocabulary import SCORES
from her2bench.report.pages.html import data_uri

MOST_ALONE, MOST_SETS, MOST_OF_A_SET = 12, 6, 4
MOST_SLIDES, MOST_OF_A_SLIDE = 4, 8
MOST_NAMES = 200  # of a finding, in the page; audit.json has all
_SIGNS = {"serious": "■", "warning": "▲", "note": "●"}


@dataclass(frozen=True)
class ShownTile:
    """A tile of a finding: its picture (None if not kept), its metadata, and its position.

    `left`, `top`, `width` and `height` are in percent of the joined picture; None where tiles
    are shown side by side.
    """

    tile_id: str
    about: str
    picture: str | None
    left: float | None = None
    top: float | None = None
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True)
class ShownSet:
    """Tiles of one set; `shape` is width / height where they are joined at the seam."""

    tiles: list[ShownTile]
    more: int = 0
    shape: float | None = None


@dataclass(frozen=True)
class Strip:
    """A slide and some of its tiles."""

    slide: str
    tiles: list[ShownTile]


@dataclass(frozen=True)
class ShownFinding:
    """A finding with its pictures; `names` lists the tiles without pictures as text.

    `named` counts the finding's tiles, each once; `unnamed` says how many `names` omits.
    """

    finding: Finding
    place: int
    sign: str
    alone: bool
    sets: list[ShownSet]
    strips: list[Strip]
    more: str
    names: list[str]
    named: int
    unnamed: str


def shown_findings(
    audit: Audit, tiles: pl.DataFrame, thumbnails: Mapping[str, bytes]
) -> list[ShownFinding]:
    """All findings, most severe first, with the available pictures.

    Args:
        audit: what was found.
        tiles: `tile_id` and, where known, `score`, `group_id`, `split`.
        thumbnails: tile_id → JPEG bytes.
    """
    about = {row["tile_id"]: _about(row) for row in tiles.iter_rows(named=True)}

    def show(tile_id: str) -> ShownTile:
        kept = thumbnails.get(tile_id)
        picture = data_uri("jpeg", kept) if kept else None
        return ShownTile(tile_id, about.get(tile_id, ""), picture)

    return [
        ShownFinding(
            finding=finding,
            place=place,
            sign=_SIGNS[finding.severity],
            alone=_alone(finding),
            sets=[_set(finding, number, show) for number in range(_sets_shown(finding))],
            strips=[
                Strip(slide, [show(tile_id) for tile_id in some])
                for slide, some in _strips(finding, tiles).items()
            ],
            more=_more(finding),
            names=[" + ".join(part) for part in finding.tiles[:MOST_NAMES]],
            named=len({tile_id for part in finding.tiles for tile_id in part}),
            unnamed=_further(finding, len(finding.tiles) - MOST_NAMES),
        )
        for place, finding in enumerate(audit.findings, 1)
    ]


def pictured(audit: Audit, tiles: pl.DataFrame) -> list[str]:
    """The tiles whose thumbnails the page shows, each once."""
    wanted = [
        tile_id
        for finding in audit.findings
        for some in (
            *(part[:MOST_OF_A_SET] for part in finding.tiles[: _sets_shown(finding)]),
            *_strips(finding, tiles).values(),
        )
        for tile_id in some
    ]
    return list(dict.fromkeys(wanted))


def with_sides(manifest: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """A comparison's tiles with their `split`, if there is only one fold."""
    known = "tile_id" in manifest.columns and "fold" in splits.columns  # both files may be missing
    if not known or splits["fold"].n_unique() > 1:
        return manifest.drop("split", strict=False)
    sides = splits.select("tile_id", "split")
    return manifest.drop("split", strict=False).join(sides, on="tile_id", how="left")


def counted(audit: Audit) -> str:
    """How many findings of each severity, in words.

    >>> counted(Audit(manifest="m.csv", endpoint="2+", tiles=3))
    'nothing'
    """
    words = {"serious": "serious finding", "warning": "warning", "note": "note"}
    parts = []
    for severity in SEVERITIES:
        number = sum(finding.severity == severity for finding in audit.findings)
        if number:
            parts.append(f"{number} {plural(number, words[severity])}")
    return ", ".join(parts) or "nothing" + ", because too few tiles can be read" * audit.unseen


def _alone(finding: Finding) -> bool:
    return all(len(part) == 1 for part in finding.tiles)


def _sets_shown(finding: Finding) -> int:
    return min(len(finding.tiles), MOST_ALONE if _alone(finding) else MOST_SETS)


def _set(finding: Finding, number: int, show) -> ShownSet:
    part = finding.tiles[number]
    shown = [show(tile_id) for tile_id in part[:MOST_OF_A_SET]]
    more = len(part) - len(shown)
    places = finding.places[number][: len(shown)] if number < len(finding.places) else ()
    if len(places) < 2:
        return ShownSet(shown, more)
    left, top = min(x for x, _ in places), min(y for _, y in places)
    width = max(x for x, _ in places) - left + 1
    height = max(y for _, y in places) - top + 1
    joined = [
        ShownTile(
            tile.tile_id,
            tile.about,
            tile.picture,
            100 * (x - left) / width,
            100 * (y - top) / height,
            100 / width,
            100 / height,
        )
        for tile, (x, y) in zip(shown, places, strict=True)
    ]
    return ShownSet(joined, more, width / height)


def _strips(finding: Finding, tiles: pl.DataFrame) -> dict[str, list[str]]:
    """Some tiles of the first slides, evenly spaced; empty if the finding names tiles."""
    if finding.tiles or "group_id" not in tiles.columns:
        return {}
    strips = {}
    for slide in finding.slides[:MOST_SLIDES]:
        mine = tiles.filter(pl.col("group_id") == slide)["tile_id"].to_list()
        step = max(1, len(mine) // MOST_OF_A_SLIDE)
        strips[slide] = mine[::step][:MOST_OF_A_SLIDE]
    return {slide: mine for slide, mine in strips.items() if mine}


def _more(finding: Finding) -> str:
    """The number of tiles or slides without a picture."""
    if finding.tiles:
        return _further(finding, len(finding.tiles) - _sets_shown(finding))
    slides = len(finding.slides) - MOST_SLIDES
    return f"and {slides:,} more {plural(slides, 'slide')}" if slides > 0 else ""


def _further(finding: Finding, sets: int) -> str:
    noun = plural(sets, "tile") if _alone(finding) else f"{plural(sets, 'set')} of tiles"
    return f"and {sets:,} more {noun}" if sets > 0 else ""


def _about(row: dict) -> str:
    score, slide, split = (row.get(name) for name in ("score", "group_id", "split"))
    parts = [
        "" if score is None else SCORES[score],
        "" if slide is None else f"slide {slide}",
        split or "",
    ]
    return " · ".join(part for part in parts if part)

"""An audit made up to hold every shape of finding, and its tiles."""

import polars as pl

from her2bench.core.audit_findings import Audit, Finding, LeftOut, worst_first
from tests.report.conftest import JPEG

TEXT = {
    "unit": "tiles",
    "effect": "A model that has seen one of them in training knows the other in the test.",
    "hint": "Keep one of each pair, or put both on one side.",
}
SLIDES, EACH = 12, 10


def made_up(prefix: str = "s") -> Audit:
    """Pairs, sets, neighbours with their places, tiles alone, slides, and nothing at all."""

    def tile(slide: int, number: int) -> str:
        return f"{prefix}{slide:02d}-t{number}"

    pairs = tuple((tile(i, 0), tile(i + 1, 1)) for i in range(9))
    findings = [
        Finding(
            kind="near_duplicates_across_splits",
            severity="serious",
            title="9 pairs of near-duplicate tiles lie on both sides of the split.",
            number=9,
            tiles=pairs,
            **TEXT,
        ),
        Finding(
            kind="neighbours",
            severity="warning",
            title="2 pairs of tiles were cut from adjoining places.",
            number=2,
            tiles=((tile(0, 2), tile(0, 3)), (tile(1, 2), tile(1, 3))),
            places=(((0, 0), (1, 0)), ((0, 0), (-0.2, 0.75))),
            **TEXT,
        ),
        Finding(
            kind="blank",
            severity="warning",
            title="30 tiles hold no tissue.",
            number=30,
            tiles=tuple((tile(i % SLIDES, i // SLIDES + 3),) for i in range(30)),
            rank=0.5,
            **TEXT,
        ),
        Finding(
            kind="odd_slides",
            severity="note",
            title="5 slides are unlike all others.",
            number=5,
            slides=tuple(f"{prefix}{i:02d}" for i in range(5)),
            **TEXT,
        ),
        Finding(kind="power", severity="note", title="Few slides.", number=12, **TEXT),
    ]
    return Audit(
        manifest=f"{prefix}/manifest.csv",
        endpoint="2+",
        tiles=SLIDES * EACH,
        findings=worst_first(findings),
        clean=("shortcuts", "labels"),
        left_out=(LeftOut(check="sides", kind="no_split", text="there is no split yet"),),
        measured={"roc_auc_dab": 0.8123, "slides_needed": 312.0, "limit": None},
    )


def tiles_of(audit: Audit, prefix: str = "s") -> pl.DataFrame:
    """The tiles that `made_up` names: ten of each of twelve slides."""
    rows = [
        {
            "tile_id": f"{prefix}{slide:02d}-t{number}",
            "group_id": f"{prefix}{slide:02d}",
            "score": slide % 4,
            "split": "train" if slide < 8 else "test",
        }
        for slide in range(SLIDES)
        for number in range(EACH)
    ]
    assert len(rows) == audit.tiles
    return pl.DataFrame(rows)


def pictures_of(tile_ids: list[str]) -> dict[str, bytes]:
    """A picture of each tile but the last."""
    return dict.fromkeys(tile_ids[:-1], JPEG)

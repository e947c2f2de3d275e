"""`her2bench manifest`: from a BCI folder, a folder per class, or labelled images and slides."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2bench.core.vocabulary import SCORES

if TYPE_CHECKING:
    import polars as pl

    from her2bench.data.sources.folders import FolderTiles

app = typer.Typer(
    help="Write a manifest, the table of your tiles, from files: one row per tile.",
    no_args_is_help=True,
)

_MOST_ROWS = 60
_STATUS = ("negative", "positive")

Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", help="The manifest, .csv or .parquet; by default a .csv in this folder."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


@app.command("bci")
def bci(
    folder: Annotated[
        Path, typer.Argument(help="BCI_dataset, its parent, or its IHC folder.", metavar="DIR")
    ],
    out: Output = None,
    as_json: AsJson = False,
) -> None:
    """From the BCI data set."""
    from her2bench.core.manifest import write_manifest
    from her2bench.data.sources.bci import bci_manifest

    output = _output(out, "bci")
    table = bci_manifest(folder)
    write_manifest(table, output)
    _report(table, "split", output, as_json)


@app.command("images")
def images(
    labels: Annotated[
        Path,
        typer.Argument(
            help="Table of images: path, score; optionally group_id, status, split, mpp.",
            metavar="CSV",
        ),
    ],
    out: Output = None,
    tile_size: Annotated[
        int, typer.Option(min=8, max=100_000, help="Side of a tile in pixels.")
    ] = 512,
    mpp: Annotated[
        float | None,
        typer.Option(min=0.001, max=100, help="Resolution of the tiles, µm/pixel."),
    ] = None,
    min_tissue: Annotated[
        float, typer.Option(min=0, max=1, help="Minimum share of tissue in a tile.")
    ] = 0.5,
    overlap: Annotated[
        float,
        typer.Option(
            min=0, max=0.95, help="Overlap of neighbouring tiles, as a share of the side."
        ),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """From labelled large images or slides: their tiles with tissue (no tile files are written)."""
    from her2bench.core.errors import UserError
    from her2bench.core.manifest import write_manifest
    from her2bench.data.sources.images import Tiling, read_labels, tile_images

    output = _output(out, Path(os.path.realpath(labels)).parent.name or "images")
    if os.path.realpath(output) == os.path.realpath(labels):
        raise UserError(output, found="the output is the input", hint="choose another -o")
    _check_numbers({"--mpp": mpp, "--min-tissue": min_tissue, "--overlap": overlap})
    tiling = Tiling(tile_size=tile_size, mpp=mpp, min_tissue=min_tissue, overlap=overlap)
    table = read_labels(labels)
    tiles = tile_images(table, tiling, labels)
    write_manifest(tiles, output)
    bare = sorted(set(table["path"]) - set(tiles["path"]))
    _report(tiles, "group_id", output, as_json, bare)


@app.command("folders")
def folders(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Tiles in a folder per class: 0, 1+, 2+, 3+, score_2, her2_3+, or positive and "
            "negative; inside train, val and test folders or not.",
            metavar="DIR",
        ),
    ],
    out: Output = None,
    group_regex: Annotated[
        str | None,
        typer.Option(
            help="Finds the slide or patient in each file's name, in its first brackets: "
            r"'(\d+) \(' for 12 (3).jpg. With a / in it, it searches the path below DIR."
        ),
    ] = None,
    score_regex: Annotated[
        str | None,
        typer.Option(help=r"Finds the score in each path below DIR: '_(\d\+?)\.' for a_2+.png."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A known layout: bci; her2-ihc-40x (<case> (<n>).jpg); mist "
            "(..._HER2_<slide>_<x>_<y>.jpg)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """From a folder per class, or from scores in the file names."""
    from her2bench.api.manifests import manifest_from_folders

    output = _output(out, Path(os.path.realpath(folder)).name or "manifest")
    found = manifest_from_folders(
        folder,
        output,
        group_regex=group_regex,
        score_regex=score_regex,
        preset=preset,  # type: ignore[arg-type]
    )
    by = next((n for n in ("split", "group_id") if n in found.table.columns), "all")
    if not as_json:
        _say_folder(found)
    _report(found.table, by, output, as_json, passed_over=found.passed_over)


def _say_folder(found: "FolderTiles") -> None:
    """What was passed over, and what the names say that a user should check."""
    from her2bench.core.terminal import say

    if found.passed_over:
        kinds = ", ".join(f"{n} {ending}" for ending, n in sorted(found.passed_over.items()))
        say(f"passed over, no images: {kinds}")
    for groups, what in (
        (found.mixed_groups, "tiles of more than one score or status"),
        (found.split_groups, "tiles in more than one split"),
    ):
        if groups:
            some = ", ".join(groups[:5]) + (", ..." if len(groups) > 5 else "")
            say(f"warning: {len(groups)} slides have {what} ({some}): check their names", True)
    if not found.slides_known:
        say(
            "warning: the slides are unknown: tiles of one slide may lie on both sides of a "
            "split, and all results are then too good. Give --group-regex.",
            True,
        )


def _check_numbers(given: dict[str, float | None]) -> None:
    """Refuse NaN, which the bounds of the options accept."""
    from her2bench.core.errors import UserError

    for name, value in given.items():
        if value is not None and math.isnan(value):
            raise UserError(name, found="nan", expected="a number")


def _output(out: Path | None, name: str) -> Path:
    """The named output; by default a CSV in the current folder."""
    from her2bench.core.atomic_io import check_output
    from her2bench.core.errors import UserError

    out = out or Path(f"{name}.csv")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(out, found=f"ending {out.suffix!r}", expected=".csv or .parquet")
    check_output(out)
    return out


def _report(
    table: "pl.DataFrame",
    by: str,
    output: Path,
    as_json: bool,
    bare: list[str] | None = None,
    passed_over: dict[str, int] | None = None,
) -> None:
    """Counts by score (else status) for each split or group, as a table or as JSON."""
    import json

    from her2bench.core.terminal import say, say_json

    kind, names = ("score", SCORES) if "score" in table.columns else ("status", _STATUS)
    counts: dict[str, dict[str, int]] = {}
    sides = table[by] if by in table.columns else ["tiles"] * len(table)
    for side, label in zip(sides, table[kind], strict=True):
        counts.setdefault(side, dict.fromkeys(names, 0))[names[label]] += 1
    if as_json:
        head = {"manifest": str(output), "tiles": len(table), "counts": {by: counts}}
        more = {"no_tissue": bare, "passed_over": passed_over}
        say_json(json.dumps(head | {k: v for k, v in more.items() if v is not None}))
        return
    _show(counts, by, names)
    for path in bare or []:
        say(f"no tissue tiles: {path}")
    slides = f" of {table['group_id'].n_unique()} slides" if "group_id" in table.columns else ""
    say(f"{len(table)} tiles{slides} in {output}")


def _show(counts: dict[str, dict[str, int]], by: str, names: tuple[str, ...]) -> None:
    from rich.table import Table

    from her2bench.core.console import Terminal

    shown = Table("" if by == "all" else by, *names, "all")
    rows = counts if len(counts) <= _MOST_ROWS else {}
    total = {score: sum(row[score] for row in counts.values()) for score in names}
    ends = {} if by == "all" else {f"all {len(counts)}": total}
    for side, row in [*rows.items(), *ends.items()]:
        shown.add_row(str(side), *map(str, row.values()), str(sum(row.values())))
    Terminal().print(shown)

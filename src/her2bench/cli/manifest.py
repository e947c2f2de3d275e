"""`her2bench manifest`: from a BCI folder, or from labelled images and slides."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2bench.core.vocabulary import SCORES

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(help="Make a manifest: one row per tile.", no_args_is_help=True)

_MOST_ROWS = 60

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help="The manifest, .csv or .parquet (by default bci.csv, or the folder's name).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


@app.command("bci")
def bci(
    folder: Annotated[Path, typer.Argument(help="BCI_dataset, its parent, or its IHC folder.")],
    out: Output = None,
    as_json: AsJson = False,
) -> None:
    """BCI folder to manifest."""
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
    """Labelled large images or slides to a manifest of tissue tiles (no tile files are written)."""
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
    table: "pl.DataFrame", by: str, output: Path, as_json: bool, bare: list[str] | None = None
) -> None:
    """Counts by score for each split or group, as a table or as JSON."""
    import json

    from her2bench.core.terminal import say, say_json

    counts: dict[str, dict[str, int]] = {}
    for side, score in table.select(by, "score").iter_rows():
        counts.setdefault(side, dict.fromkeys(SCORES, 0))[SCORES[score]] += 1
    if as_json:
        head = {"manifest": str(output), "tiles": len(table), "counts": {by: counts}}
        say_json(json.dumps(head | ({} if bare is None else {"no_tissue": bare})))
        return
    _show(counts, by)
    for path in bare or []:
        say(f"no tissue tiles: {path}")
    say(f"{len(table)} tiles in {output}")


def _show(counts: dict[str, dict[str, int]], by: str) -> None:
    from rich.table import Table

    from her2bench.core.console import Terminal

    shown = Table(by, *SCORES, "all")
    rows = counts if len(counts) <= _MOST_ROWS else {}
    total = {score: sum(row[score] for row in counts.values()) for score in SCORES}
    for side, row in [*rows.items(), (f"all {len(counts)}", total)]:
        shown.add_row(str(side), *map(str, row.values()), str(sum(row.values())))
    Terminal().print(shown)

"""`her2bench audit MANIFEST`: data quality checks before training."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

Manifest = Annotated[
    Path, typer.Argument(help="The manifest, .csv or .parquet.", metavar="MANIFEST")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help="Folder for audit.json and audit.html (by default mine-audit for mine.csv).",
    ),
]
Endpoint = Annotated[str, typer.Option(help="What counts as positive: 2+, 3+, 1+ or status.")]
SplitFrom = Annotated[
    Path | None,
    typer.Option(
        help="The splits.parquet of a comparison, or any table of tile_id and split. Without it, "
        "the manifest's own split."
    ),
]
InferGroups = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also estimate which tiles come from one slide, and write a manifest with "
        "the estimate as group_id and its group_confidence.",
    ),
]
WriteClean = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also write the manifest without tiles that cannot be read, hold no tissue, or "
        "repeat another's picture; the dropped tiles and why go to FILE-dropped.csv.",
    ),
]
TileScore = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column with each tile's own score, beside its slide's (tile_score by default).",
    ),
]
ScoreOf = Annotated[
    str,
    typer.Option(
        help="Whose the column score is: slide (shared by its tiles), or tile (each has its own)."
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of the tile cache (the user's cache folder by default).")
]


def audit(
    manifest: Manifest,
    out: Output = None,
    endpoint: Endpoint = "2+",
    split_from: SplitFrom = None,
    infer_groups: InferGroups = None,
    write_clean: WriteClean = None,
    tile_score: TileScore = None,
    score_of: ScoreOf = "slide",
    cache: Cache = None,
    details: Annotated[
        bool, typer.Option("--details", help="Print all findings, with effect and hint.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print audit.json.")] = False,
) -> None:
    """Data quality checks: duplicates, leakage, shortcuts, labels, power.

    Serious findings are printed, others counted; audit.html shows them with pictures.
    The exit status is 0 with findings too: a script reads audit.json.
    """
    from her2bench.api.auditing import audit as run_audit
    from her2bench.cli.audit_text import print_audit
    from her2bench.core.terminal import say_json

    folder = out or Path(f"{manifest.stem}-audit")
    _check_outputs(folder, manifest, infer_groups, write_clean, cache)
    found = run_audit(
        manifest,
        folder,
        endpoint=endpoint,
        split_from=split_from,
        infer_groups=infer_groups,
        write_clean=write_clean,
        tile_score=tile_score,
        score_of=score_of,
        cache=cache,
    )
    if as_json:
        say_json((folder / "audit.json").read_text(encoding="utf-8"))
    else:
        print_audit(found.audit, folder / "audit.html", infer_groups, details)
    if write_clean is not None and found.dropped is not None:
        _say_dropped(found.dropped, write_clean)


def _say_dropped(dropped: "pl.DataFrame", clean: Path) -> None:
    """How many tiles were dropped for which finding, on stderr."""
    from her2bench.api.auditing import dropped_file
    from her2bench.core.terminal import say
    from her2bench.core.text import plural

    kinds = dropped["kind"].value_counts(sort=True).iter_rows()
    why = ", ".join(f"{kind.replace('_', ' ')}: {n}" for kind, n in kinds)
    tiles = f"{len(dropped)} {plural(len(dropped), 'tile')} dropped"
    say(f"clean manifest: {clean} ({tiles}{f', {why}' if why else ''})", True)
    say(f"dropped tiles and why: {dropped_file(clean)}", True)


def _check_outputs(
    folder: Path,
    manifest: Path,
    infer_groups: Path | None,
    write_clean: Path | None,
    cache: Path | None,
) -> None:
    """Check that the outputs can be written, before the tiles are read."""
    from her2bench.core.atomic_io import check_output, check_writable

    check_writable(folder, "-o")
    if cache is not None:
        check_writable(cache, "--cache")
    for path, option in ((infer_groups, "--infer-groups"), (write_clean, "--write-clean")):
        if path is not None:
            _check_new_manifest(path, manifest, option)
            check_output(path, option)
    if write_clean is not None:
        _refuse_clean_over(write_clean, (manifest, infer_groups))


def _refuse_clean_over(write_clean: Path, others: tuple[Path | None, ...]) -> None:
    """Refuse a clean manifest, or its table of dropped tiles, in the place of another file."""
    from her2bench.api.auditing import dropped_file
    from her2bench.core.errors import UserError

    taken = {os.path.realpath(path) for path in others if path is not None}
    for path in (write_clean, dropped_file(write_clean)):
        if os.path.realpath(path) in taken:
            raise UserError(path, found="--write-clean would write over it", hint="name another")


def _check_new_manifest(path: Path, manifest: Path, option: str) -> None:
    from her2bench.core.errors import UserError

    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(
            path,
            found=f"ending {path.suffix!r}",
            expected=".csv or .parquet",
            hint="for example new.csv",
        )
    if path.is_dir() or os.path.realpath(path) == os.path.realpath(manifest):
        what = "a folder" if path.is_dir() else "the manifest itself"
        raise UserError(path, found=f"{option} would write over {what}", hint="name another file")

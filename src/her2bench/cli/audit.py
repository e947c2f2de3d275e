"""`her2bench audit MANIFEST`: what in the data would fool a comparison, before training."""

import os
from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[
    Path, typer.Argument(help="The manifest, .csv or .parquet.", metavar="MANIFEST")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", help="Folder for audit.json and audit.html (out/MANIFEST-audit by default)."
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
        help="Also guess which tiles come from one slide, and write a manifest with the guess as "
        "group_id and its group_confidence.",
    ),
]
TileScore = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column with each tile's own score.")
]
ScoreOf = Annotated[
    str, typer.Option(help="Whose the score is: the slide's (slide), or each tile's own (tile).")
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
    tile_score: TileScore = None,
    score_of: ScoreOf = "slide",
    cache: Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print audit.json.")] = False,
) -> None:
    """What in the data would fool a comparison: duplicates, leaks, shortcuts, odd labels, power.

    Findings are printed worst first; audit.html shows them with pictures. Exit status is 0 also
    where there are findings: read audit.json to act on them.
    """
    from her2bench.audit.partition import chosen_split
    from her2bench.audit.run import run_audit
    from her2bench.cli.audit_text import print_audit
    from her2bench.core.manifest import read_manifest, write_manifest
    from her2bench.core.runs import ComparisonFolder
    from her2bench.core.terminal import say_json
    from her2bench.data.tile_cache.artifact_cache import cache_folder
    from her2bench.report.pages.audit_page import write_audit_files

    folder = ComparisonFolder(out or Path("out") / f"{manifest.stem}-audit")
    _check_outputs(folder.path, manifest, infer_groups, cache)
    table = read_manifest(manifest, [tile_score] if tile_score else [])
    found = run_audit(
        *(table, manifest, endpoint, chosen_split(table, split_from), cache or cache_folder()),
        score_is_slides=_is_slides(score_of),
        tile_score=tile_score,
    )
    write_audit_files(found.audit, found.tiles, found.pictures, folder)
    if infer_groups is not None:
        write_manifest(found.with_slides, infer_groups)
    if as_json:
        say_json(folder.audit.read_text(encoding="utf-8"))
    else:
        print_audit(found.audit, folder.audit_page, infer_groups)


def _is_slides(score_of: str) -> bool:
    from her2bench.core.errors import UserError

    if score_of not in ("slide", "tile"):
        raise UserError("--score-of", found=repr(score_of), expected="slide or tile")
    return score_of == "slide"


def _check_outputs(
    folder: Path, manifest: Path, infer_groups: Path | None, cache: Path | None
) -> None:
    """What cannot be written is refused before the tiles are looked at."""
    from her2bench.core.atomic_io import check_output, check_writable

    check_writable(folder, "-o")
    if cache is not None:
        check_writable(cache, "--cache")
    if infer_groups is not None:
        _check_new_manifest(infer_groups, manifest)
        check_output(infer_groups, "--infer-groups")


def _check_new_manifest(path: Path, manifest: Path) -> None:
    from her2bench.core.errors import UserError

    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(
            path,
            found=f"ending {path.suffix!r}",
            expected=".csv or .parquet",
            cure="name the new manifest mine-with-groups.csv, say",
        )
    if path.is_dir() or os.path.realpath(path) == os.path.realpath(manifest):
        what = "a folder" if path.is_dir() else "the manifest itself"
        raise UserError(
            path, found=f"--infer-groups would write over {what}", cure="name another file"
        )

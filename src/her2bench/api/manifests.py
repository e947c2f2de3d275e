"""`her2bench.manifest_from_folders`: a folder of tiles as a manifest."""

from pathlib import Path
from typing import Literal

from her2bench.core.errors import UserError
from her2bench.core.manifest import check_manifest, write_manifest
from her2bench.data.sources.bci import bci_manifest
from her2bench.data.sources.folders import FolderTiles, folder_tiles


def manifest_from_folders(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    group_regex: str | None = None,
    score_regex: str | None = None,
    preset: Literal["bci", "her2-ihc-40x", "mist"] | None = None,
) -> FolderTiles:
    r"""Make a manifest of a folder per class, or of files whose names hold score and slide.

    Args:
        folder: with folders such as `0`, `1+`, `2+`, `3+`, `score_2`, `her2_3+`, or `positive` and
            `negative` (they give `status`); `train`, `val` and `test` folders give the split.
        out: write the manifest to this `.csv` or `.parquet` file.
        group_regex: finds the slide or patient in each file's name: its group `group`, or its first
            one. A regex that contains `/` searches the path below the folder. Without it, tiles of
            one slide may end on both sides of a split.
        score_regex: finds the score in each path below the folder, for other layouts.
        preset: a known layout: "bci", "her2-ihc-40x" (`<case> (<n>).jpg`), "mist"
            (`..._HER2_<slide>_<x>_<y>.jpg`).

    Returns:
        The tiles: `.table` is the manifest, `.passed_over` counts files that are no images.

    Raises:
        UserError: a name does not match, a tile has no class, or the file cannot be written.

    Example:
        `hb.manifest_from_folders("tiles", "manifest.csv", group_regex=r"(\d+) \(")`
    """
    if preset == "bci":
        if group_regex or score_regex:
            raise UserError(
                "--preset bci",
                found="a regex beside it",
                expected="the preset alone: the names of BCI hold the score, and no slide",
                hint="leave out the regex, or the preset",
            )
        found = FolderTiles(bci_manifest(Path(folder)), {})
    else:
        found = folder_tiles(Path(folder), group_regex, score_regex, preset)
    if out is not None:
        write_manifest(found.table, Path(out))
    else:
        check_manifest(found.table, Path(folder).absolute() / "manifest")
    return found

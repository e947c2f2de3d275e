"""The BCI data set (Liu et al. 2022): its folder layout and file names as a manifest."""

import re
from collections import Counter
from pathlib import Path

import polars as pl

from her2bench.core.errors import UserError, listed

MPP = 0.46
"""µm/pixel of every BCI tile (the paper; about 20x)."""
_NAME = re.compile(r"(?P<tile_id>\d+_(?P<split>train|test)_(?P<score>0|1\+|2\+|3\+))\.png", re.I)
_LAYOUT = "BCI_dataset/IHC/{train,test}/NNNNN_{train,test}_{0,1+,2+,3+}.png"
_SPLITS = ("train", "test")


def bci_manifest(folder: Path) -> pl.DataFrame:
    """The IHC tiles of a BCI folder as a manifest, sorted by split and number.

    The files named `.png` hold JPEG, numbers have gaps, and one of train and test may be absent:
    all that is normal. BCI publishes no slide or patient, so there is no `group_id`.

    Args:
        folder: the folder that holds `BCI_dataset`, or `BCI_dataset`, or its `IHC`.

    Returns:
        `tile_id` (the name without its ending), `path` (absolute), `score` (Int8), `split`, `mpp`.

    Raises:
        UserError: no such folder, another layout, no tiles, or a name that is not BCI's.
    """
    ihc = _ihc(Path(folder))
    files = [
        (split, file)
        for split in _SPLITS
        if (ihc / split).is_dir()
        for file in sorted((ihc / split).iterdir())
        # What macOS and Windows leave in any folder they show.
        if file.is_file() and not file.name.startswith(".") and file.name != "Thumbs.db"
    ]
    if not files:
        raise UserError(ihc, found="no tiles", expected=_LAYOUT, hint="unpack the data set again")
    rows = [_row(split, file) for split, file in files]
    wrong = [file for row, (_, file) in zip(rows, files, strict=True) if row is None]
    if wrong:
        raise UserError(
            ihc,
            found=f"{len(wrong)} file names that are not BCI's:{listed(wrong)}",
            expected=_LAYOUT,
            hint="rename them, or move them elsewhere",
        )
    _refuse_alike(ihc, [file for _, file in files])
    schema = {"tile_id": pl.String, "path": pl.String, "score": pl.Int8, "split": pl.String}
    table = pl.DataFrame([row for row in rows if row], schema=schema, orient="row")
    return table.with_columns(mpp=pl.lit(MPP))


def _refuse_alike(ihc: Path, files: list[Path]) -> None:
    """Two files of one tile: names that differ in upper and lower case alone."""
    counts = Counter(file.name.lower() for file in files)
    alike = [file for file in files if counts[file.name.lower()] > 1]
    if alike:
        raise UserError(
            ihc,
            found=f"names that differ in upper and lower case alone:{listed(alike)}",
            expected="one file per tile",
            hint="keep one of each",
        )


def _ihc(folder: Path) -> Path:
    if not folder.is_dir():
        found = "is a file" if folder.is_file() else "no such folder"
        raise UserError(folder, found=found, expected="the folder of BCI", hint="check the path")
    for place in (folder / "BCI_dataset" / "IHC", folder / "IHC", folder):
        if any((place / split).is_dir() for split in _SPLITS):
            return place.resolve()
    raise UserError(
        folder,
        found="holds neither IHC/train nor IHC/test",
        expected=_LAYOUT,
        hint="name the folder that holds BCI_dataset, or BCI_dataset, or IHC",
    )


def _row(split: str, file: Path) -> tuple[str, str, int, str] | None:
    match = _NAME.fullmatch(file.name)
    if not match or match["split"].lower() != split:
        return None
    return match["tile_id"], str(file), int(match["score"][0]), split

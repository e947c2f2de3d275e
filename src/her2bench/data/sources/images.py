"""Labelled large images and slides as a manifest of tissue tiles, without writing tile files."""

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from her2bench.core.errors import UserError, listed
from her2bench.core.manifest import OPTIONAL, REGION, check_manifest
from her2bench.core.parallel import follow, workers
from her2bench.core.tables import Wanted, read_table
from her2bench.data.decoding.reading import SourceImage, UnreadableImage, open_image
from her2bench.data.tissue import share_of_tissue, tissue_of

_NO_NAMES = {"", "na", "n/a", "nan", "none", "null"}  # as ids they would read as missing


class Tiling(BaseModel):
    """How an image is divided into tiles.

    Attributes:
        tile_size: side of a tile in pixels, at `mpp` where that is given, else at full resolution.
        mpp: µm/pixel at which `tile_size` counts: tiles of images of different resolution then
            show the same stretch of tissue.
        min_tissue: least share of a tile that is tissue.
        overlap: share of a tile's side that it has in common with the next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tile_size: Annotated[int, Field(ge=8, le=100_000)] = 512
    mpp: Annotated[float, Field(ge=0.001, le=100)] | None = None
    min_tissue: Annotated[float, Field(ge=0, le=1)] = 0.5
    overlap: Annotated[float, Field(ge=0, le=0.95)] = 0.0


def read_labels(path: Path) -> pl.DataFrame:
    """Read a table of labelled images: `path`, `score`, optionally `group_id`, `status`, `mpp`, …

    Returns:
        One row an image, `path` absolute, `name` (unique) and `group_id` filled: where the table
        gives no slide or patient, each image counts as one.

    Raises:
        UserError: a column is missing, a value is wrong, an image stands twice, or the table
            already names regions.
    """
    table = read_table(path, Wanted(("path", "score"), OPTIONAL, together=REGION))
    regions = [name for name in REGION if name in table.columns]
    if regions:
        raise UserError(
            path,
            found=f"columns {', '.join(regions)}",
            expected="whole images, one per row",
            hint="this looks like a finished manifest: use it as it is, or drop these columns",
        )
    rows = pl.Series("tile_id", [str(row) for row in range(len(table))])
    checked = check_manifest(table.with_columns(rows), Path(path)).drop("tile_id")
    _refuse_repeated(checked["path"], path)
    names = pl.Series("name", _names(table["path"].cast(pl.String).to_list()))
    if "group_id" not in checked.columns or checked["group_id"].null_count():
        checked = checked.with_columns(names.alias("group_id"))
    return checked.with_columns(names)


def _refuse_repeated(paths: pl.Series, where: Path) -> None:
    """Refuse an image listed twice, under any names and links."""
    files = pl.Series([_file(path) for path in paths])
    repeated = paths.filter(files.is_duplicated()).unique(maintain_order=True)
    if len(repeated):
        raise UserError(
            where,
            found=f"{len(repeated)} images are in more than one row:{listed(repeated)}",
            expected="each image once",
            hint="drop the repeated rows",
        )


def tile_images(labels: pl.DataFrame, tiling: Tiling, where: object = "labels") -> pl.DataFrame:
    """The tiles of all images that hold tissue, as regions of the images.

    Args:
        labels: as `read_labels` gives it.
        tiling: size, resolution, least tissue, overlap.
        where: the table's name, for messages.

    Returns:
        A manifest: `tile_id`, `path`, `x y width height` (pixels at full resolution), `mpp` (of
        the image at full resolution; null where unknown), and the columns of `labels`.

    Raises:
        UserError: images that cannot be read, are smaller than a tile, or of unknown µm/pixel
            where `tiling.mpp` asks for it (all are listed); or no tissue anywhere.
    """
    if "mpp" not in labels.columns:
        labels = labels.with_columns(mpp=pl.lit(None, pl.Float64))
    with workers() as pool:
        jobs = [
            pool.submit(_tiles_or_reason, path, mpp, tiling)
            for path, mpp in labels.select("path", "mpp").iter_rows()
        ]
        follow(jobs, "finding tissue")
    found = [job.result() for job in jobs]
    wrong = [
        f"{path}: {result}"
        for path, result in zip(labels["path"], found, strict=True)
        if isinstance(result, str)
    ]
    if wrong:
        raise UserError(
            where,
            found=f"{len(wrong)} images cannot be divided into tiles:{listed(wrong, most=100)}",
            expected="readable images, at least one tile large",
            hint="correct these rows: the path, the column mpp, or choose another --tile-size",
        )
    tables = [result for result in found if isinstance(result, pl.DataFrame)]
    return _joined(labels, tables, where)


def _joined(labels: pl.DataFrame, tables: list[pl.DataFrame], where: object) -> pl.DataFrame:
    rows = np.repeat(np.arange(len(labels)), [len(table) for table in tables])
    if not len(rows):
        raise UserError(
            where,
            found="no tissue in any image",
            expected="tiles that hold tissue",
            hint="lower --min-tissue or --tile-size, and look at the images",
        )
    tiles = pl.concat(tables).hstack(labels[rows].drop("mpp"))
    ids = pl.format("{}_x{}_y{}", "name", "x", "y").alias("tile_id")
    first = ["tile_id", "path", "score", "group_id", *REGION, "mpp"]
    return tiles.with_columns(ids).select(*first, pl.exclude(*first, "name"))


def _tiles_or_reason(path: str, mpp: float | None, tiling: Tiling) -> pl.DataFrame | str:
    try:
        image = open_image(path)
        try:
            return _tiles(image, mpp, tiling)
        finally:
            image.close()
    except UnreadableImage as error:
        return str(error)


def _tiles(image: SourceImage, mpp: float | None, tiling: Tiling) -> pl.DataFrame:
    mpp = mpp or image.mpp  # the user's value wins: a tag can be wrong
    side = _side(image, mpp, tiling)
    corners = grid(image.width, image.height, side, max(1, round(side * (1 - tiling.overlap))))
    share = share_of_tissue(tissue_of(image, side), image, corners, side)
    x, y = corners[share >= tiling.min_tissue].T
    sides = pl.lit(side, pl.Int64)
    return pl.DataFrame({"x": x, "y": y}).with_columns(
        width=sides, height=sides, mpp=pl.lit(mpp, pl.Float64)
    )


def _side(image: SourceImage, mpp: float | None, tiling: Tiling) -> int:
    """Side of a tile in pixels at full resolution."""
    side = tiling.tile_size
    if tiling.mpp:
        if not mpp or mpp <= 0:
            raise UnreadableImage("µm/pixel is unknown: fill the column mpp, or leave --mpp out")
        side = max(1, round(side * tiling.mpp / mpp))
    if side > min(image.width, image.height):
        raise UnreadableImage(
            f"{image.width} x {image.height} pixels do not hold a tile of {side} x {side}"
        )
    return side


def grid(width: int, height: int, side: int, step: int) -> np.ndarray:
    """Upper left corners of the tiles that lie wholly in an image, the margins even on both sides.

    Returns:
        (n, 2) int64, x and y, row by row.

    >>> grid(11, 5, side=5, step=5).tolist()
    [[0, 0], [5, 0]]
    """
    xs, ys = (
        (length - side) % step // 2 + step * np.arange((length - side) // step + 1)
        for length in (width, height)
    )
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.int64)


def _names(paths: list[str]) -> list[str]:
    """A name for each image, each once: its stem; else its path; else its path and row.

    >>> _names(["a.png", "one/b.png", "two/b.png", "c/d/e.png", "c_d/e.png"])
    ['a', 'one_b.png', 'two_b.png', 'c/d/e.png', 'c_d/e.png']
    """
    names = [Path(path).stem for path in paths]
    paths = [path.replace("\\", "/") for path in paths]
    rows = [f"{path} row {row}" for row, path in enumerate(paths, start=1)]
    for longer in ([path.replace("/", "_") for path in paths], paths, rows):
        names = _longer_where_alike(names, longer)
    return names


def _longer_where_alike(names: list[str], longer: list[str]) -> list[str]:
    """The longer names where some differ in case or white space alone, or mean "missing"."""
    keys = [_visible(name).strip().casefold() for name in names]
    counts = Counter(keys)
    return [
        long if counts[key] > 1 or key in _NO_NAMES else name
        for name, long, key in zip(names, longer, keys, strict=True)
    ]


def _visible(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc"))


def _file(path: str) -> str:
    """The file that a path leads to, with all links resolved."""
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL in it: no file, named when it is opened
        return path

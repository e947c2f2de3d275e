"""The folder of a phantom: drawn by all cores, whole or not at all, never drawn twice."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import polars as pl
import tomli_w
from threadpoolctl import threadpool_limits

from her2bench.core.atomic_io import replacing, writing
from her2bench.core.config import parsed_toml
from her2bench.core.errors import UserError
from her2bench.core.outputs import followed
from her2bench.core.tables import write_table
from her2bench.phantom.settings import PhantomSettings
from her2bench.phantom.slides import draw_slides
from her2bench.phantom.tiles import Tile, in_batches, jpeg, tiles_of

GENERATOR = 1  # raise it whenever the same settings draw other bytes
_SETTINGS_FILE = "phantom.toml"
_BATCH = 16  # tiles a worker takes at a time
_Row = dict[str, object]


def write_phantom(
    out: Path,
    settings: PhantomSettings,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda tiles: None,
) -> bool:
    """Write a phantom folder; the same bytes whatever the number of workers.

    With the layout `manifest`: `manifest.csv`, `tiles/*.jpg`. With `bci`: BCI's own folders
    under `BCI_dataset/`, and `truth.csv` beside it. Both: `phantom.toml`, the settings.

    Args:
        out: the folder; it must not exist, be empty, or hold the same phantom already.
        settings: what to draw.
        workers: number of processes; without it, as many as there are cores.
        advance: called with the number of tiles just written.

    Returns:
        False if the folder held this phantom already, True if it was drawn.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    with writing(out):
        out = followed(Path(out))
    if _already_there(out, settings):
        return False
    tiles = tiles_of(settings, draw_slides(settings))
    with replacing(out) as folder, threadpool_limits(1):
        for parent in {(folder / tile.path).parent for tile in tiles}:
            parent.mkdir(parents=True, exist_ok=True)
        rows: list[_Row] = []
        for batch in _drawn(folder, settings, tiles, workers or os.cpu_count() or 1):
            rows += batch
            advance(len(batch))
        _write_table(folder, settings, rows)
        (folder / _SETTINGS_FILE).write_text(tomli_w.dumps(_resolved(settings)), encoding="utf-8")
        if out.is_dir():  # an empty folder, or we would not be here
            out.rmdir()
    return True


def _drawn(
    folder: Path, settings: PhantomSettings, tiles: list[Tile], workers: int
) -> Iterator[list[_Row]]:
    batches = list(in_batches(tiles, _BATCH))
    draw = partial(_draw_batch, folder, settings)
    workers = min(workers, len(batches))
    if workers == 1:
        yield from map(draw, batches)
        return
    # spawn, not fork: polars has threads, and Windows and macOS know nothing else
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=threadpool_limits, initargs=(1,)
    ) as pool:
        try:
            with _uninterrupted():
                drawn = pool.map(draw, batches)
            yield from drawn
        except BrokenProcessPool as error:
            raise UserError(
                folder.name,
                found="a drawing process was ended from outside, perhaps because memory ran out",
                hint="run the command again, with fewer --workers",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes begun in this block leave Ctrl-C, which reaches them too, to this one."""
    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


def _draw_batch(folder: Path, settings: PhantomSettings, tiles: list[Tile]) -> list[_Row]:
    with writing(folder):
        return [_draw_tile(folder, settings, tile) for tile in tiles]


def _draw_tile(folder: Path, settings: PhantomSettings, tile: Tile) -> _Row:
    picture, truth = jpeg(tile, settings)
    (folder / tile.path).write_bytes(picture)
    slide = tile.slide
    return {
        "tile_id": tile.tile_id,
        "path": tile.path,
        "score": slide.score,
        "group_id": slide.group_id,
        "split": tile.split,
        "status": slide.status,
        "mpp": settings.mpp,
        "tumour_fraction": round(truth.tumour_fraction, 4),
        "tile_score": truth.score,
        "white_level": slide.white_level,
        "dab_strength": round(slide.dab_strength, 4),
        "expression": round(slide.expression, 4),
    }


def _write_table(folder: Path, settings: PhantomSettings, rows: list[_Row]) -> None:
    table = pl.DataFrame(rows, schema_overrides={"tile_score": pl.Int64, "split": pl.String})
    if settings.layout == "bci":
        write_table(table, folder / "truth.csv")
    else:
        write_table(table.drop("split"), folder / "manifest.csv")


def _already_there(out: Path, settings: PhantomSettings) -> bool:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    kept = out / _SETTINGS_FILE
    if not kept.is_file():
        raise UserError(
            out,
            found="it exists and is not a phantom",
            expected="a new folder, an empty one, or a phantom with the same settings",
            hint="choose another folder, or remove this one",
        )
    try:
        found, wanted = parsed_toml(kept.read_text(encoding="utf-8")), _resolved(settings)
    except ValueError as error:
        raise UserError(
            kept, found=f"damaged ({error})", hint="remove the folder, or choose another"
        ) from error
    different = [n for n in {**wanted, **found} if found.get(n) != wanted.get(n)]
    if not different:
        return True
    raise UserError(
        out,
        found="a phantom with " + ", ".join(f"{n} = {found.get(n)!r}" for n in different),
        expected=", ".join(f"{n} = {wanted.get(n)!r}" for n in different),
        hint="choose another folder, remove this one, or ask for the same settings",
    )


def _resolved(settings: PhantomSettings) -> dict[str, object]:
    return {"generator": GENERATOR, **settings.model_dump()}

"""Check an existing output folder: same comparison, and undamaged."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.core.atomic_io import LOCK, SOFT_LOCK, TEMPORARY
from her2bench.core.checksums import read_record
from her2bench.core.config import differences
from her2bench.core.errors import UserError
from her2bench.core.manifest import LABELLED, OPTIONAL, read_manifest
from her2bench.core.notes import note
from her2bench.core.runs import ComparisonFolder, RunFolder
from her2bench.core.tables import ANYTHING, Wanted, read_table
from her2bench.core.vocabulary import model_name


def refuse_other_settings(folder: ComparisonFolder, config: ComparisonConfig) -> bool:
    """Whether a folder already contains this comparison; False if it is new.

    Raises:
        UserError: it contains another comparison or other files.
    """
    before = _settings_before(folder)
    if before is None:
        _refuse_unrelated(folder.path)
        return False
    shared = set(config.names) & set(map(model_name, before.get("models", ())))
    now = trained_by(config.model_dump(mode="json", exclude_none=True), shared)
    changed = differences(trained_by(before, shared), now) if before else []
    if changed:
        raise UserError(
            folder.path,
            found="the folder belongs to another config: " + "; ".join(changed),
            expected="the settings that its runs were trained with; models, seeds, baselines, "
            "score, slide, report and licence may change",
            hint="take these settings back, or name another output with -o",
        )
    return True


def refuse_other_tiles(
    folder: ComparisonFolder, manifest: pl.DataFrame, splits: pl.DataFrame, key: str
) -> None:
    """Finished runs must have used the same tiles, labels and pixels.

    Paths may change, and columns that no run uses.

    Raises:
        UserError: they differ. Damaged files are not compared: they are written again.
    """
    rows, sides = kept_manifest(folder), _kept_table(folder, folder.splits)
    other_rows = rows is not None and not _seen(rows).equals(_seen(manifest))
    changed = ["the split"] if sides is not None and not sides.equals(splits) else []
    changed += ["the manifest"] if other_rows else []
    if not other_rows and is_kept(folder, folder.tiles_key):
        same = folder.tiles_key.read_bytes() == key.encode()
        changed += [] if same else ["the images' content"]
    if changed:
        raise UserError(
            folder.path,
            found=f"the folder belongs to other tiles: {' and '.join(changed)} changed since",
            hint="name another output with -o, or delete that folder",
        )


def _seen(manifest: pl.DataFrame) -> pl.DataFrame:
    names = (*LABELLED, *OPTIONAL)
    return manifest.select(n for n in names if n in manifest.columns and n != "path")


def in_kept_order(manifest: pl.DataFrame, folder: ComparisonFolder) -> pl.DataFrame:
    """The manifest with its rows and columns in stored order, if both have the same tiles.

    The stored manifest lacks the unreadable tiles; they are inserted at their rows.
    """
    rows = kept_manifest(folder)
    if rows is None:
        return manifest
    order = rows["tile_id"].to_list()
    left_out = _kept_table(folder, folder.bad_tiles, Wanted(("tile_id", "row")))
    if left_out is not None:
        places = left_out.select("tile_id", pl.col("row").cast(pl.Int64, strict=False))
        for tile_id, row in places.drop_nulls().sort("row").iter_rows():
            order.insert(row, tile_id)
    if sorted(order) != sorted(manifest["tile_id"]):
        return manifest
    ids = pl.DataFrame({"tile_id": order})
    ordered = ids.join(manifest, on="tile_id", how="left", maintain_order="left")
    alike = set(rows.columns) == set(manifest.columns)
    return ordered.select(rows.columns if alike else manifest.columns)


def kept_manifest(folder: ComparisonFolder) -> pl.DataFrame | None:
    """The manifest in the folder; None where it is missing or damaged."""
    if not is_kept(folder, folder.manifest):
        return None
    with suppress(UserError):
        return read_manifest(folder.manifest)
    return None


def is_kept(folder: ComparisonFolder, path: Path) -> bool:
    """Whether a file exists and, if checksums are known, is unchanged."""
    if not path.is_file() or _is_damaged(folder, path):
        return False
    return path.suffix != ".parquet" or _readable(path) is not None


def forget_damaged_checksums(folder: ComparisonFolder) -> None:
    """Remove a damaged checksum record; its files are then compared by content."""
    try:
        folder.check()
    except UserError as error:
        note(folder.checksums, f"{error.found}: written again")
        folder.checksums.unlink()


def _settings_before(folder: ComparisonFolder) -> dict[str, Any] | None:
    """The folder's settings, from its runs if comparison.toml is lost.

    None without a comparison; empty if no settings are known.
    """
    if folder.config.is_file() and not _is_damaged(folder, folder.config):
        with suppress(ValueError):
            return read_record(folder.config, sealed=False)
    found = _settings_of_runs(folder)
    if len(found) > 1:
        raise UserError(
            folder.config,
            found="damaged or missing, and the finished runs are of different configs: "
            + "; ".join(differences(trained_by(found[0], ()), trained_by(found[1], ()))),
            hint="name another output with -o",
        )
    if found or folder.config.is_file():
        note(folder.config, "damaged or missing: written again")
        return found[0] if found else {}
    return None


def _settings_of_runs(folder: ComparisonFolder) -> list[dict[str, Any]]:
    """The distinct settings of the folder's finished runs."""
    found: list[dict[str, Any]] = []
    for done in sorted(folder.path.glob("runs/*/seed-*/fold-*/DONE")):
        run = RunFolder(done.parent)
        with suppress(UserError, ValueError, OSError):
            run.check(run.config)
            settings = read_record(run.config, sealed=False)
            if trained_by(settings, ()) not in [trained_by(other, ()) for other in found]:
                found.append(settings)
    return found


def _is_damaged(folder: ComparisonFolder, path: Path) -> bool:
    with suppress(UserError):
        folder.check()  # without a readable record nothing is known
        try:
            folder.check(path)
        except UserError:
            return True
    return False


def _kept_table(
    folder: ComparisonFolder, path: Path, wanted: Wanted = ANYTHING
) -> pl.DataFrame | None:
    return _readable(path, wanted) if is_kept(folder, path) else None


def _readable(path: Path, wanted: Wanted = ANYTHING) -> pl.DataFrame | None:
    with suppress(UserError):
        return read_table(path, wanted)
    return None


def _refuse_unrelated(path: Path) -> None:
    """Refuse a folder with unrelated files."""
    if path.exists() and not path.is_dir():
        raise UserError(path, found="a file", expected="a folder", hint="name another with -o")
    folder = ComparisonFolder(path)
    ours = {LOCK, SOFT_LOCK, folder.random_tiles.path.name, folder.checksums.name}
    ours |= {first.name for first in folder.first_files}
    inside = [p.name for p in path.iterdir()] if path.is_dir() else []
    unrelated = [name for name in inside if name not in ours and not name.startswith(TEMPORARY)]
    if unrelated:
        raise UserError(
            path,
            found=f"a folder with other files in it, such as {sorted(unrelated)[0]!r}",
            expected="a new or empty folder, or one of the same comparison",
            hint=f"name another output with -o, such as {path / 'comparison'}",
        )

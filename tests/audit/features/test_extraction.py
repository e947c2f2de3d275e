"""The pass over the tiles: each decoded once, kept by content, nothing half-written."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.audit.features import extraction, npy_store
from her2bench.audit.features.audited_tile import AuditedTile, Extract
from her2bench.audit.features.extraction import observe

RNG = np.random.default_rng(0)
TILES = 75  # more than two pieces


def take(tile: AuditedTile) -> dict[str, object]:
    return {
        "mean": tile.rgb.mean(axis=(0, 1)),
        "corner": tile.rgb[:2, :2],
        "format": tile.file.format,
        "bytes": tile.file.bytes,
    }


EXTRACT = Extract(
    {"mean": ("f4", (3,)), "corner": ("u1", (2, 2, 3)), "format": ("U8", ()), "bytes": ("i8", ())},
    take,
    version=1,
)
NEVER = replace(EXTRACT, take=lambda tile: pytest.fail("decoded a second time"))


@pytest.fixture
def manifest(tmp_path: Path) -> pl.DataFrame:
    folder = tmp_path / "tiles"
    folder.mkdir()
    paths = []
    for i in range(TILES):
        paths.append(str(folder / f"{i}.png"))
        noise = RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(paths[-1], "JPEG" if i % 2 else "PNG")
    names = [f"t{i}" for i in range(TILES)]
    return pl.DataFrame({"tile_id": names, "path": paths, "score": [0] * TILES})


def check(observed: extraction.Observations, manifest: pl.DataFrame) -> None:
    for row, path in enumerate(manifest["path"]):
        if row in observed.bad:
            assert not observed["mean"][row].any()
            continue
        rgb = np.asarray(Image.open(path))
        np.testing.assert_allclose(observed["mean"][row], rgb.mean(axis=(0, 1)), rtol=1e-6)
        assert np.array_equal(observed["corner"][row], rgb[:2, :2])
        assert observed["format"][row] == ("JPEG" if row % 2 else "PNG")
        assert observed["bytes"][row] == Path(path).stat().st_size


@pytest.mark.parametrize("kept", [False, True])
def test_every_row_holds_its_own_tile(manifest, tmp_path, kept):
    Path(manifest["path"][40]).write_bytes(b"no image")
    Path(manifest["path"][41]).unlink()
    observed = observe(manifest, [EXTRACT], tmp_path / "cache" if kept else None)
    assert set(observed.bad) == {40, 41}
    assert observed.bad[40] == "not an image" and observed.bad[41] == "no such file"
    check(observed, manifest)


def test_a_second_audit_decodes_nothing_even_of_other_labels(manifest, tmp_path):
    first = observe(manifest, [EXTRACT], tmp_path / "cache")
    labelled = manifest.with_columns(score=pl.lit(3), group_id=pl.lit("s"))
    again = observe(labelled, [NEVER], tmp_path / "cache")
    assert all(np.array_equal(again[name], first[name]) for name in EXTRACT.fields)


def test_large_columns_are_mapped_from_disk_and_say_the_same(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(npy_store, "IN_MEMORY", TILES * 12)
    observed = observe(manifest, [EXTRACT], tmp_path / "cache")
    assert isinstance(observed["mean"], np.memmap) and isinstance(observed["corner"], np.memmap)
    assert not isinstance(observed["bytes"], np.memmap)
    check(observed, manifest)


@pytest.mark.parametrize("change", ["pixels", "date", "name", "fields", "version", "reading"])
def test_whatever_the_observations_depend_on_makes_them_new(
    change, manifest, tmp_path, monkeypatch
):
    observe(manifest, [EXTRACT], tmp_path / "cache")
    path = Path(manifest["path"][3])
    extract = EXTRACT
    if change == "pixels":
        Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(path, "JPEG")
    elif change == "date":
        os.utime(path, (1e9, 1e9))
    elif change == "name":
        path.rename(path.with_suffix(".jpg"))
        paths = [str(path.with_suffix(".jpg")) if p == str(path) else p for p in manifest["path"]]
        manifest = manifest.with_columns(pl.Series("path", paths))
    elif change == "fields":
        extract = replace(EXTRACT, fields={**EXTRACT.fields, "mean": ("f8", (3,))})
    elif change == "version":
        extract = replace(EXTRACT, version=2)
    else:
        monkeypatch.setattr(extraction, "READING", extraction.READING + 1)
    observed = observe(manifest, [extract], tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    check(observed, manifest)


@pytest.mark.parametrize("damage", ["cut", "gone", "no record"])
def test_damaged_observations_are_made_again(damage, manifest, tmp_path):
    observe(manifest, [EXTRACT], tmp_path / "cache")
    (place,) = (tmp_path / "cache").iterdir()
    if damage == "cut":
        (place / "mean.npy").write_bytes((place / "mean.npy").read_bytes()[:-1])
    else:
        (place / ("bad.json" if damage == "no record" else "corner.npy")).unlink()
    check(observe(manifest, [EXTRACT], tmp_path / "cache"), manifest)


def test_stopped_half_way_leaves_nothing(manifest, tmp_path):
    seen = []

    def stop(tile: AuditedTile) -> dict[str, object]:
        seen.append(tile)
        if len(seen) == TILES // 2:
            raise KeyboardInterrupt
        return take(tile)

    with pytest.raises(KeyboardInterrupt):
        observe(manifest, [replace(EXTRACT, take=stop)], tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_regions_of_one_image_and_whole_images_mix(tmp_path):
    pixels = RNG.integers(0, 256, (40, 700, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    Image.fromarray(pixels[:12, :16]).save(tmp_path / "small.png")
    count = 600  # one image in several pieces
    table = pl.DataFrame(
        {
            "tile_id": [f"t{i}" for i in range(count + 1)],
            "path": [str(tmp_path / "large.png")] * count + [str(tmp_path / "small.png")],
            "x": [*range(count), None],
            "y": [*[4] * count, None],
            "width": [*[20] * count, None],
            "height": [*[10] * count, None],
        }
    )
    table = table.sample(fraction=1, shuffle=True, seed=1)
    observed = observe(table, [EXTRACT], tmp_path / "cache")
    assert not observed.bad
    for row, x in enumerate(table["x"]):
        expected = pixels[:2, :2] if x is None else pixels[4:6, x : x + 2]
        assert np.array_equal(observed["corner"][row], expected)


def test_extracts_with_fields_of_one_name_are_refused(manifest):
    other = Extract({"mean": ("f4", ())}, lambda tile: {"mean": 0}, version=1)
    with pytest.raises(ValueError, match="one name: mean"):
        observe(manifest, [EXTRACT, other])

"""The tile cache: the study's pixels, once; bad images all at once; nothing half-written."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.core.atomic_io import TEMPORARY
from her2bench.core.errors import UserError
from her2bench.data.tile_cache import cached_tiles as cache_module
from her2bench.data.tile_cache import pixels
from her2bench.data.tile_cache.cached_tiles import cached_tiles

RNG = np.random.default_rng(0)


def save(path: Path, width: int = 40, height: int = 30) -> Path:
    noise = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> pl.DataFrame:
    folder = tmp_path / "tiles"
    folder.mkdir()
    paths = [str(save(folder / f"{name}.png")) for name in "abcd"]
    return pl.DataFrame({"tile_id": list("abcd"), "path": paths, "score": [0, 1, 2, 3]})


def test_pixels_are_the_resized_tiles_in_order(manifest, tmp_path):
    tiles = cached_tiles(manifest, 16, tmp_path / "cache")
    assert tiles.pixels.shape == (4, 16, 16, 3)
    assert tiles.pixels.dtype == np.uint8
    assert tiles.pixels.flags.c_contiguous
    assert isinstance(tiles.pixels, np.memmap)
    assert (tiles.tile_ids, tiles.bad) == (list("abcd"), [])
    for row, path in enumerate(manifest["path"]):
        expected = Image.open(path).convert("RGB").resize((16, 16), Image.Resampling.BILINEAR)
        assert np.array_equal(tiles.pixels[row], np.asarray(expected))


def test_regions_and_whole_images_mix(manifest, tmp_path):
    regions = pl.DataFrame(
        {"x": [0, 5, None, 30], "y": [0, 6, None, 20], "width": [10, 20, None, 10],
         "height": [10, 20, None, 10]}
    )  # fmt: skip
    paths = [manifest["path"][0]] * 4
    table = manifest.with_columns(pl.Series("path", paths)).hstack(regions)
    tiles = cached_tiles(table, 8, tmp_path / "cache")
    image = Image.open(paths[0])
    expected = image.crop((5, 6, 25, 26)).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(tiles.pixels[1], np.asarray(expected))
    whole = image.resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(tiles.pixels[2], np.asarray(whole))


def test_second_use_decodes_nothing(manifest, tmp_path, monkeypatch):
    first = cached_tiles(manifest, 16, tmp_path / "cache")
    monkeypatch.setattr(cache_module, "write_pixels", None)
    relabelled = manifest.with_columns(score=pl.lit(0), split=pl.lit("train"))
    again = cached_tiles(relabelled, 16, tmp_path / "cache")
    assert again.key == first.key
    assert np.array_equal(again.pixels, first.pixels)


def test_key_follows_content_size_and_region(manifest, tmp_path):
    keys = {cached_tiles(manifest, size, tmp_path / "cache").key for size in (8, 9)}
    region = manifest.with_columns(x=0, y=0, width=20, height=20)
    keys.add(cached_tiles(region, 8, tmp_path / "cache").key)
    save(Path(manifest["path"][2]))
    changed = cached_tiles(manifest, 8, tmp_path / "cache")
    assert len(keys | {changed.key}) == 4
    expected = Image.open(manifest["path"][2]).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(changed.pixels[2], np.asarray(expected))


def spoil(kind: str, path: Path) -> str:
    """Make an image bad; returns the words that its reason must hold."""
    if kind == "missing":
        path.unlink()
        return "no such file"
    if kind == "empty":
        path.write_bytes(b"")
        return "empty file"
    if kind == "text":
        path.write_text("this is not an image")
        return "not an image"
    if kind == "folder":
        path.unlink()
        path.mkdir()
        return "folder"
    if kind == "truncated jpeg":
        Image.fromarray(RNG.integers(0, 256, (300, 300, 3), dtype=np.uint8)).save(path, "JPEG")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return "truncated"


KINDS = ["missing", "empty", "text", "folder", "truncated jpeg", "truncated png"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_bad_image_is_named_with_its_reason(kind, manifest, tmp_path):
    reason = spoil(kind, Path(manifest["path"][1]))
    with pytest.raises(UserError, match="1 of 4 tiles") as caught:
        cached_tiles(manifest, 8, tmp_path / "cache")
    assert manifest["path"][1] in caught.value.found
    assert reason in caught.value.found
    assert "--skip-bad" in caught.value.hint


def test_all_bad_tiles_at_once_and_then_left_out(manifest, tmp_path):
    spoil("missing", Path(manifest["path"][0]))
    spoil("truncated png", Path(manifest["path"][2]))
    with pytest.raises(UserError, match="2 of 4 tiles"):
        cached_tiles(manifest, 8, tmp_path / "cache")
    tiles = cached_tiles(manifest, 8, tmp_path / "cache", skip_bad=True)
    assert tiles.tile_ids == ["b", "d"]
    assert [bad[:2] for bad in tiles.bad] == [
        ("a", manifest["path"][0]),
        ("c", manifest["path"][2]),
    ]
    for row, path in enumerate([manifest["path"][1], manifest["path"][3]]):
        expected = Image.open(path).resize((8, 8), Image.Resampling.BILINEAR)
        assert np.array_equal(tiles.pixels[row], np.asarray(expected))


def test_fixed_image_is_read_again(manifest, tmp_path):
    spoil("missing", Path(manifest["path"][0]))
    cached_tiles(manifest, 8, tmp_path / "cache", skip_bad=True)
    save(Path(manifest["path"][0]))
    assert len(cached_tiles(manifest, 8, tmp_path / "cache").tile_ids) == 4


def test_region_beyond_the_image(manifest, tmp_path):
    table = manifest.with_columns(x=pl.Series([0, 0, 0, 31]), y=0, width=10, height=10)
    with pytest.raises(UserError, match=r"40 x 30 .* x=31"):
        cached_tiles(table, 8, tmp_path / "cache")


def test_nothing_readable_is_an_error_even_when_skipping(manifest, tmp_path):
    for path in manifest["path"]:
        spoil("empty", Path(path))
    with pytest.raises(UserError, match="4 of 4") as caught:
        cached_tiles(manifest, 8, tmp_path / "cache", skip_bad=True)
    assert "--skip-bad" not in caught.value.hint


def test_too_little_room_says_how_much(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(UserError, match="GB free") as caught:
        cached_tiles(manifest, 8, tmp_path / "cache")
    assert "HER2BENCH_CACHE" in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the full device /dev/full")
def test_full_disk_is_a_user_error_and_leaves_nothing(manifest, tmp_path, monkeypatch):
    def onto_full_disk(path, *_):
        path.symlink_to("/dev/full")
        with path.open("wb") as stream:
            stream.write(b"x" * 100_000)

    monkeypatch.setattr(cache_module, "write_pixels", onto_full_disk)
    with pytest.raises(UserError, match="disk is full"):
        cached_tiles(manifest, 8, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_stopped_halfway_leaves_nothing(manifest, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pixels, "resized", stopped)
    with pytest.raises(KeyboardInterrupt):
        cached_tiles(manifest, 8, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_killed_processes_leftovers_go_once_they_are_old(manifest, tmp_path):
    old, fresh, unrelated = (
        tmp_path / "cache" / f"{n}0" for n in (TEMPORARY, f"{TEMPORARY}1", ".")
    )
    for left in (old, fresh, unrelated):
        (left / "0").mkdir(parents=True)
        (left / "0" / "pixels.npy").write_bytes(b"half")
    long_ago = time.time() - 86_400
    for left in (old, unrelated):
        for entry in (left / "0" / "pixels.npy", left / "0", left):
            os.utime(entry, (long_ago, long_ago))
    cached_tiles(manifest, 8, tmp_path / "cache")
    assert (old.exists(), fresh.exists(), unrelated.exists()) == (False, True, True)


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "another's", "no record", "bad record", "no checksums", "a file"]
)
def test_damaged_cache_is_made_again(damage, manifest, tmp_path, caplog):
    first = cached_tiles(manifest, 8, tmp_path / "cache")
    expected = np.array(first.pixels)
    place = tmp_path / "cache" / first.key
    del first
    if damage == "cut":
        (place / "pixels.npy").write_bytes((place / "pixels.npy").read_bytes()[:300])
    elif damage == "flipped":
        content = bytearray((place / "pixels.npy").read_bytes())
        content[-1] ^= 1
        (place / "pixels.npy").write_bytes(content)
    elif damage == "another's":
        other = cached_tiles(manifest[::-1], 8, tmp_path / "cache")
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "cache" / other.key, place)
    elif damage == "no checksums":
        (place / "checksums.toml").unlink()
    elif damage == "a file":
        shutil.rmtree(place)
        place.write_bytes(b"")
    elif damage == "no record":
        (place / "tiles.json").unlink()
    else:
        (place / "tiles.json").write_text("{")
    again = cached_tiles(manifest, 8, tmp_path / "cache")
    assert np.array_equal(again.pixels, expected)
    assert damage == "a file" or "made again" in caplog.text


def test_another_process_was_first(manifest, tmp_path, monkeypatch):
    ours = pixels.write_pixels

    def slower(path, *rest):
        monkeypatch.setattr(cache_module, "write_pixels", ours)
        cached_tiles(manifest, 8, tmp_path / "cache")  # the other one, finished meanwhile
        return ours(path, *rest)

    monkeypatch.setattr(cache_module, "write_pixels", slower)
    tiles = cached_tiles(manifest, 8, tmp_path / "cache")
    assert len(tiles.pixels) == 4
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [tiles.key]


def test_folder_from_the_environment(manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("HER2BENCH_CACHE", str(tmp_path / "elsewhere"))
    tiles = cached_tiles(manifest, 8)
    assert (tmp_path / "elsewhere" / tiles.key / "pixels.npy").is_file()


def test_more_regions_of_one_image_than_one_piece(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "_TILES_PER_PIECE", 3)
    table = pl.DataFrame(
        {"tile_id": [str(x) for x in range(10)], "path": manifest["path"][0], "x": range(10),
         "y": 0, "width": 8, "height": 8}
    )  # fmt: skip
    tiles = cached_tiles(table, 8, tmp_path / "cache")
    image = np.asarray(Image.open(manifest["path"][0]))
    for x in range(10):
        assert np.array_equal(tiles.pixels[x], image[0:8, x : x + 8])


def test_fast_decoding_is_near_the_exact_pixels_and_kept_apart(tmp_path):
    """A smooth JPEG, so that what differs is the decoder's scaling and not noise."""
    waves = 127 + 100 * np.sin(np.arange(64)[:, None, None] / 9 + np.arange(64)[:, None] / 7)
    smooth = np.broadcast_to(waves, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.png", "JPEG", quality=95)
    Image.fromarray(smooth).save(tmp_path / "b.png", "PNG")
    shutil.copy(tmp_path / "a.png", tmp_path / "c.png")
    paths = [str(tmp_path / f"{name}.png") for name in "abc"]
    regions = {"x": [None, None, 0], "y": [None, None, 0], "width": [None, None, 64]}
    table = pl.DataFrame({"tile_id": list("abc"), "path": paths, "score": [0, 1, 2], **regions})
    table = table.with_columns(height=pl.col("width"))
    exact, fast = (
        cached_tiles(table, 16, tmp_path / "cache", decoding=kind) for kind in ("exact", "fast")
    )
    assert exact.key != fast.key
    difference = np.abs(exact.pixels.astype(int) - fast.pixels.astype(int)).max(axis=(1, 2, 3))
    assert 0 < difference[0] < 12
    assert difference[1:].tolist() == [0, 0]  # no JPEG, and a region: decoded in full


def test_a_truncated_jpeg_is_named_in_fast_decoding_too(tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    table = pl.DataFrame({"tile_id": ["a"], "path": [str(tmp_path / "a.jpg")], "score": [0]})
    with pytest.raises(UserError, match="truncated"):
        cached_tiles(table, 16, tmp_path / "cache", decoding="fast")


def test_where_nothing_can_be_kept_the_way_out_is_named(manifest, tmp_path):
    (tmp_path / "home").touch()  # root may write anywhere but into a file
    with pytest.raises(UserError, match="--cache or HER2BENCH_CACHE"):
        cached_tiles(manifest, 16, tmp_path / "home" / "cache")

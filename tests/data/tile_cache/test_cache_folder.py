"""The cache's folder: nothing half-written, nothing damaged believed."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from her2bench.core.atomic_io import TEMPORARY
from her2bench.core.errors import UserError
from her2bench.data.tile_cache import cached_tiles as cache_module
from her2bench.data.tile_cache import pixels
from her2bench.data.tile_cache.cached_tiles import cached_tiles


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


def test_where_nothing_can_be_kept_the_way_out_is_named(manifest, tmp_path):
    (tmp_path / "home").touch()  # root may write anywhere but into a file
    with pytest.raises(UserError, match="--cache or HER2BENCH_CACHE"):
        cached_tiles(manifest, 16, tmp_path / "home" / "cache")

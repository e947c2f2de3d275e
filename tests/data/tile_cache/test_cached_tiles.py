"""The tile cache: the study's pixels, once; bad images all at once."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.data.tile_cache.tile_files import RNG, save

from her2bench.core.errors import UserError
from her2bench.data.tile_cache import cached_tiles as cache_module
from her2bench.data.tile_cache import pixels
from her2bench.data.tile_cache.cached_tiles import cached_tiles


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

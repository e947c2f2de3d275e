"""Large images to tissue tiles: regions, resolution, groups, and all bad images at once."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.data.sources.images import Tiling, _names, grid, read_labels, tile_images

TILING = Tiling(tile_size=100)


def save(path: Path, mpp: float | None = None) -> Path:
    """800 x 400 pixels, glass on the left, a disc of tissue in the right half."""
    rng = np.random.default_rng(0)
    image = rng.normal(235, 1, (400, 800, 3))
    y, x = np.mgrid[:400, :800]
    disc = (x - 600) ** 2 + (y - 200) ** 2 < 150**2
    image[disc] = rng.normal((190, 160, 140), 30, (disc.sum(), 3))
    picture = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    path.parent.mkdir(exist_ok=True)
    info = {282: 10_000 / mpp, 283: 10_000 / mpp, 296: 3} if mpp else {}
    picture.save(path, tiffinfo=info) if path.suffix == ".tif" else picture.save(path)
    return path


def labels(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder / "labels.csv"


def tiles_of(folder: Path, text: str, tiling: Tiling = TILING):
    return tile_images(read_labels(labels(folder, text)), tiling)


def test_tiles_cover_the_tissue_and_no_glass(tmp_path):
    save(tmp_path / "a.png")
    table = tiles_of(tmp_path, "path,score,status,site\na.png,2+,1,x\n")
    assert table["x"].min() >= 400
    assert 4 <= len(table) <= 12  # of the 16 that the disc touches
    assert table.select("width", "height").unique().rows() == [(100, 100)]
    assert table["group_id"].unique().to_list() == ["a"]
    assert table["mpp"].null_count() == len(table)
    assert (table["status"] == 1).all() and (table["site"] == "x").all()
    assert table["tile_id"].n_unique() == len(table)


def test_group_from_the_table_and_equal_stems_kept_apart(tmp_path):
    save(tmp_path / "one" / "a.png"), save(tmp_path / "two" / "a.png")
    table = tiles_of(tmp_path, "path,score\none/a.png,0\ntwo/a.png,3\n")
    assert sorted(table["group_id"].unique()) == ["one_a.png", "two_a.png"]
    assert table["tile_id"].n_unique() == len(table)
    table = tiles_of(tmp_path, "path,score,group_id\none/a.png,0,007\ntwo/a.png,3,007\n")
    assert table["group_id"].unique().to_list() == ["007"]


ODD_NAMES = [
    ["a/b/x.png", "a_b/x.png"],
    ["a/x.png", "A/X.png"],
    ["a/x.png", "a/x .png"],
    ["a/x.png", "a/x\u200b.png"],
    ["a/x.png", "b/x.png", "a_x.png.png"],
    ["nan.png", "a/NA.png", "null.png"],
    ["x.png", "x.jpg", "x"],
]


@pytest.mark.parametrize("paths", ODD_NAMES)
def test_each_image_has_a_name_of_its_own(tmp_path, paths):
    text = "".join(f"{path},0\n" for path in paths)
    names = read_labels(labels(tmp_path, f"path,score\n{text}"))["group_id"].to_list()
    cleaned = [name.replace("\u200b", "").strip().casefold() for name in names]
    assert len(set(cleaned)) == len(paths)
    assert not {"", "nan", "na", "null"} & set(cleaned)


def test_names_that_differ_stay_as_they_are(tmp_path):
    paths = ["1/case 1.png", "2/case1.png", "3/Straße.tif"]
    table = read_labels(labels(tmp_path, "path,score\n" + "".join(f"{p},0\n" for p in paths)))
    assert table["group_id"].to_list() == ["case 1", "case1", "Straße"]


@pytest.mark.parametrize("again", ["a.png", "./a.png", "link.png", "inside/../a.png"])
def test_an_image_listed_twice_is_refused_by_whatever_name(tmp_path, again):
    save(tmp_path / "a.png")
    (tmp_path / "inside").mkdir()
    (tmp_path / "link.png").symlink_to("a.png")
    with pytest.raises(UserError, match="more than one row"):
        read_labels(labels(tmp_path, f"path,score\na.png,0\n{again},3+\n"))


def test_further_columns_keep_their_digits(tmp_path):
    path = labels(tmp_path, "path,score,weight,site\na.png,0,7,1.10\nb.png,0,7,1.1\n")
    assert read_labels(path)["site"].to_list() == ["1.10", "1.1"]


def test_names_take_time_in_proportion_to_rows():
    def seconds(rows):
        start = time.perf_counter()
        assert len(set(_names([f"{row}/x.png" for row in range(rows)]))) == rows
        return time.perf_counter() - start

    seconds(100)
    assert seconds(20_000) < 100 * seconds(1_000)  # 400 times where it is quadratic


def test_mpp_from_metadata_then_from_the_table(tmp_path):
    save(tmp_path / "a.tif", mpp=0.25), save(tmp_path / "b.png")
    text = "path,score,mpp\na.tif,0,\nb.png,3,0.5\n"
    table = tiles_of(tmp_path, text, Tiling(tile_size=50, mpp=0.5))
    sides = dict(table.select("group_id", "width").unique().rows())
    assert sides == {"a": 100, "b": 50}
    assert dict(table.select("group_id", "mpp").unique().rows()) == {
        "a": pytest.approx(0.25), "b": 0.5}  # fmt: skip


def test_all_bad_images_are_named_at_once(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    Image.new("RGB", (50, 500)).save(tmp_path / "narrow.png")
    text = "path,score\ngood.png,0\nempty.png,0\nnarrow.png,1\ngone.png,2\n"
    with pytest.raises(UserError, match="3 images cannot") as caught:
        tiles_of(tmp_path, text)
    for words in ("empty file", "50 x 500 pixels do not hold a tile of 100", "no such file"):
        assert words in caught.value.found


def test_unknown_mpp_where_it_is_asked_for(tmp_path):
    path = save(tmp_path / "a.png")
    with pytest.raises(UserError, match="µm/pixel is unknown") as caught:
        tiles_of(tmp_path, "path,score\na.png,0\n", Tiling(mpp=0.5))
    assert str(path) in caught.value.found


def test_no_tissue_anywhere(tmp_path):
    Image.new("RGB", (300, 300), (235, 235, 240)).save(tmp_path / "glass.png")
    with pytest.raises(UserError, match="no tissue") as caught:
        tiles_of(tmp_path, "path,score\nglass.png,0\n")
    assert "--min-tissue" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\na.png\n", "missing columns: score"),
        ("path,score\na.png,4\n", "'score' has 1 wrong"),
        ("path,score\na.png,0\na.png,1\n", "1 images are in more than one row"),
        ("path,score,x,y,width,height\na.png,0,0,0,5,5\n", "columns x, y, width, height"),
        ("path,score,status\na.png,0,7\n", "'status' has 1 wrong"),
    ],
)
def test_bad_label_tables(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_labels(labels(tmp_path, text))


@pytest.mark.parametrize(("width", "height", "side", "step"), [(100, 37, 10, 10), (99, 50, 20, 7)])
def test_grid_lies_inside_evenly(width, height, side, step):
    corners = grid(width, height, side, step)
    assert corners.min() >= 0
    assert ((corners + side) <= (width, height)).all()
    left, right = corners[:, 0].min(), width - side - corners[:, 0].max()
    assert right - left in (0, 1) and right < step


def test_real_cores():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    table = tile_images(read_labels(Path(folder) / "her2_tma" / "labels.csv"), Tiling())
    counts = table["group_id"].value_counts()["count"]
    assert len(counts) == 10
    assert counts.min() >= 45 and counts.max() <= 90  # judged by eye on overlays

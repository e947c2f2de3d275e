"""A folder per class, or scores in the names, as a manifest."""

from pathlib import Path

import pytest

from her2bench.core.errors import UserError
from her2bench.data.sources.folders import folder_tiles


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_folder_per_class_with_slides_from_the_names(tmp_path):
    touch(tmp_path, "0/12 (1).jpg", "0/12 (2).jpg", "3+/7 (1).png", "3+/notes.txt", "0/.hidden.png")
    found = folder_tiles(tmp_path, group_regex=r"(\d+) \(")
    assert found.table.drop("path").rows() == [
        ("0/12 (1).jpg", 0, "12"),
        ("0/12 (2).jpg", 0, "12"),
        ("3+/7 (1).png", 3, "7"),
    ]
    assert found.table["path"][2] == str(tmp_path / "3+" / "7 (1).png")
    assert found.passed_over == {".txt": 1} and found.slides_known


def test_split_folders_above_or_below_the_classes(tmp_path):
    touch(tmp_path, "train/0/a.png", "validation/2+/b.png", "3/test/c.png")
    table = folder_tiles(tmp_path).table
    assert dict(table.select("split", "score").iter_rows()) == {"train": 0, "val": 2, "test": 3}


def test_binary_folders_give_status(tmp_path):
    found = folder_tiles(touch(tmp_path, "positive/a.png", "HER2-neg/b.png"))
    assert found.table["status"].to_list() == [0, 1] and "score" not in found.table.columns
    assert not found.slides_known


def test_score_from_the_names_and_slides_from_the_folders(tmp_path):
    touch(tmp_path, "case 7/a_2+.png", "case 8/b_0.png")
    found = folder_tiles(tmp_path, r"case (\d+)/", r"_(\d\+?)\.")
    assert found.table.select("score", "group_id").rows() == [(2, "7"), (0, "8")]


def test_slides_that_contradict_their_folders_are_named(tmp_path):
    touch(tmp_path, "train/0/5 (1).png", "test/3+/5 (2).png", "train/3+/6 (1).png")
    found = folder_tiles(tmp_path, preset="her2-ihc-40x")
    assert found.mixed_groups == ("5",) and found.split_groups == ("5",)


def test_mist_like_names_give_slide_and_place(tmp_path):
    touch(tmp_path, "2+/set_1_HER2_a_17_1024_0.jpg", "0/b_0_512.jpg")
    table = folder_tiles(tmp_path, preset="mist").table
    columns = ("group_id", "slide_x", "slide_y")
    assert table.select(columns).rows() == [("b", 0, 512), ("a_17", 1024, 0)]
    assert "x" not in table.columns  # it would be read as a region of the file


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (["0/a.png", "class_1/b.png"], {}, "class_1/b.png: no folder on the way"),
        (["a/b.png"], {}, "--score-regex"),
        (["0/1/a.png"], {}, "2 folders name its score: 0, 1"),
        (["0/a.txt"], {}, "no image in it"),
        (["train/0/a.png", "0/b.png"], {}, "0/b.png: no folder on the way to it names a split"),
        (["0/1 (1).png", "0/b.png"], {"group_regex": r"(\d) \("}, "0/b.png: --group-regex"),
        (["0/a.png"], {"group_regex": r"(\d"}, "--group-regex: "),
        (["0/a.png"], {"group_regex": "a"}, "has no group"),
        (["0/a.png"], {"group_regex": "(x?)"}, "finds an empty name"),
        (["0/a.png"], {"preset": "mist"}, "0/a.png: --preset mist"),
        (["0/a.png"], {"preset": "mits"}, "one of bci, her2-ihc-40x, mist"),
        (["a_4.png"], {"score_regex": r"_(\d)"}, "a_4.png: --score-regex finds '4'"),
    ],
)
def test_names_that_cannot_be_read_are_refused(tmp_path, names, settings, message):
    with pytest.raises(UserError) as error:
        folder_tiles(touch(tmp_path, *names), **settings)
    assert message in str(error.value)


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        folder_tiles(tmp_path / "none")

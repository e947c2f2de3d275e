"""The BCI folder: official names, gaps stated, and every error named."""

import os
from pathlib import Path

import pytest

from her2bench.core.errors import UserError
from her2bench.data.sources.bci import bci_manifest


@pytest.fixture
def ihc(tmp_path: Path) -> Path:
    names = ["train/00003_train_0.png", "train/00010_train_2+.png", "test/00000_test_3+.png",
             "test/00007_test_1+.png"]  # fmt: skip
    for name in names:
        path = tmp_path / "BCI_dataset" / "IHC" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "BCI_dataset" / "IHC"


@pytest.mark.parametrize("up", [0, 1, 2])
def test_any_of_the_three_folders(ihc, up):
    table = bci_manifest([ihc, *ihc.parents][up])
    assert table["tile_id"].to_list() == [
        "00003_train_0", "00010_train_2+", "00000_test_3+", "00007_test_1+"]  # fmt: skip
    assert table["score"].to_list() == [0, 2, 3, 1]
    assert table["split"].to_list() == ["train", "train", "test", "test"]
    assert table["mpp"].unique().to_list() == [0.46]
    assert table.columns == ["tile_id", "path", "score", "split", "mpp"]
    assert all(Path(path).is_file() for path in table["path"])


def test_one_split_alone(ihc):
    for file in (ihc / "train").iterdir():
        file.unlink()
    (ihc / "train").rmdir()
    assert len(bci_manifest(ihc)) == 2


def test_what_the_desktop_leaves_is_passed_over(ihc):
    for name in (".DS_Store", "Thumbs.db", "._00000_test_3+.png"):
        (ihc / "test" / name).touch()
    assert len(bci_manifest(ihc)) == 4


@pytest.mark.parametrize(
    "name",
    ["00001_test_4+.png", "00001_test_1.png", "tile.png", "00001_train_0.png", "00001_test_0.jpg"],
)
def test_a_wrong_name_is_named(ihc, name):
    (ihc / "test" / name).touch()
    with pytest.raises(UserError, match="1 file names") as caught:
        bci_manifest(ihc)
    assert name in caught.value.found


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.touch(), "is a file"),
        (lambda path: path.mkdir(), "neither IHC/train nor IHC/test"),
        (lambda path: (path / "IHC" / "test").mkdir(parents=True), "no tiles"),
    ],
)
def test_no_data_set(tmp_path, make, message):
    make(tmp_path / "somewhere")
    with pytest.raises(UserError, match=message):
        bci_manifest(tmp_path / "somewhere")


def test_real_tiles():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    table = bci_manifest(Path(folder) / "bci")
    assert dict(table["score"].value_counts().rows()) == {0: 2, 1: 5, 2: 3, 3: 4}
    assert table["split"].unique().to_list() == ["test"]


def test_names_that_differ_in_case_alone_are_refused(ihc):
    (ihc / "train" / "00003_train_0.PNG").touch()
    with pytest.raises(UserError, match="upper and lower case alone") as error:
        bci_manifest(ihc)
    assert "00003_train_0.PNG" in str(error.value) and "00010" not in str(error.value)

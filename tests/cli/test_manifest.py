"""`her2bench manifest` end to end: files, counts, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from her2bench.core.manifest import read_manifest


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "her2bench", "manifest", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture
def bci(tmp_path: Path) -> Path:
    for name in ("00001_test_0.png", "00004_test_2+.png"):
        path = tmp_path / "BCI_dataset" / "IHC" / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "BCI_dataset"


def test_bci_writes_a_manifest_with_relative_paths(bci, tmp_path):
    done = run("bci", bci, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert counts == {"split": {"test": {"0": 1, "1+": 0, "2+": 1, "3+": 0}}}
    assert "BCI_dataset/IHC/test/00001_test_0.png" in (tmp_path / "bci.csv").read_text()
    assert read_manifest(tmp_path / "bci.csv")["score"].to_list() == [0, 2]


def test_bci_table_on_the_screen(bci, tmp_path):
    done = run("bci", bci, "-o", "out/m.parquet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 tiles in" in done.stdout
    assert (tmp_path / "out" / "m.parquet").is_file()


def test_usage_errors_exit_with_2_and_write_nothing(bci, tmp_path):
    (bci / "IHC" / "test" / "odd.png").touch()
    for arguments in (["bci", bci], ["bci", "nowhere"], ["bci", bci, "-o", "m.txt"]):
        done = run(*arguments, folder=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr and "error:" in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["BCI_dataset"]


def test_images(tmp_path):
    rng = np.random.default_rng(0)
    tissue = rng.normal(170, 30, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(tissue).save(tmp_path / "core.png")
    Image.new("RGB", (300, 300), (235, 235, 235)).save(tmp_path / "glass.png")
    (tmp_path / "labels.csv").write_text("path,score\ncore.png,3+\nglass.png,0\n")
    done = run("images", "labels.csv", "--tile-size", 100, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["tiles"] == 9 and printed["counts"]["group_id"]["core"]["3+"] == 9
    assert [Path(path).name for path in printed["no_tissue"]] == ["glass.png"]
    table = read_manifest(tmp_path / f"{tmp_path.name}.csv")
    assert table["path"].unique().to_list() == [str(tmp_path.resolve() / "core.png")]


def test_output_over_the_input_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("path,score\ncore.png,3+\n")
    done = run("images", "labels.csv", "-o", "labels.csv", folder=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "labels.csv").read_text() == "path,score\ncore.png,3+\n"


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for name in ("0/1 (1).png", "0/1 (2).png", "2+/2 (1).png", "2+/notes.txt"):
        (tmp_path / "tiles" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tiles" / name).touch()
    return tmp_path / "tiles"


def test_folders(classes, tmp_path):
    done = run("folders", classes, "--group-regex", r"(\d+) \(", "-o", "m.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 tiles of 2 slides in m.csv" in done.stdout and "1 .txt" in done.stdout
    assert not done.stderr
    table = read_manifest(tmp_path / "m.csv")
    assert table.select("score", "group_id").rows() == [(0, "1"), (0, "1"), (2, "2")]


def test_folders_without_slides_warn(classes, tmp_path):
    done = run("folders", classes, "--json", folder=tmp_path)
    assert json.loads(done.stdout)["passed_over"] == {".txt": 1}
    done = run("folders", classes, folder=tmp_path)
    assert done.returncode == 0 and "tiles of one slide may lie on both sides" in done.stderr


def test_folders_that_do_not_fit_write_nothing(classes, tmp_path):
    done = run("folders", classes, "--group-regex", "(3)", "-o", "m.csv", folder=tmp_path)
    assert done.returncode == 2 and "0/1 (1).png: --group-regex '(3)'" in done.stderr
    assert not (tmp_path / "m.csv").exists()

"""`her2bench export` and its refusals: exit 2, one message with a hint, nothing half-written."""

import errno
import json
from pathlib import Path

import pytest
import torch

from her2bench.cli.main import main
from her2bench.core.runs import ComparisonFolder
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import build_model
from her2bench.prediction.exported import exporting, formats
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

RUN = "out/runs/lenet/seed-0/fold-0"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A comparison with a finished run of lenet for each of two seeds, and a baseline's."""
    monkeypatch.chdir(tmp_path)
    made = ComparisonFolder(Path("out"))
    made.run("lenet", 0, 0).path.mkdir(parents=True)
    made.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    for seed in (0, 1):
        run = made.run("lenet", seed, 0)
        about = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+")
        save_trained(build_model("lenet", 64), about, run.weights)
        run.mark_done({"threshold": 0.0, "parameters": 1})
    baseline = made.run("dab_baseline", 0, 0)
    baseline.path.mkdir(parents=True)
    baseline.config.write_text("", encoding="utf-8")
    baseline.mark_done({})
    return made


def exits(capsys, monkeypatch, *arguments, code=2):
    monkeypatch.setattr("sys.argv", ["her2bench", "export", *map(str, arguments)])
    before = contents()
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capsys.readouterr()
    assert stop.value.code == code, printed.err
    if code:
        assert "Traceback" not in printed.err and "hint:" in printed.err
        assert contents() == before, "something was left or changed"
    return printed.err if code else printed.out


def contents():
    return {path: path.read_bytes() if path.is_file() else b"" for path in Path().rglob("*")}


def test_a_comparison_gives_a_file_for_each_network(folder, capsys, monkeypatch):
    said = exits(capsys, monkeypatch, "out", "-o", "made", "--format", "torchscript", code=0)
    names = [path.name for path in sorted(Path("made").iterdir())]
    assert names == ["lenet-seed-0-fold-0.pt", "lenet-seed-1-fold-0.pt"]
    assert said.count("differs from the network by at most") == 2 and "on 16 tiles" in said


def test_an_output_that_exists_is_replaced_only_on_request(folder, capsys, monkeypatch):
    for kind, name in (("torchscript", ".pt"), ("wsinfer", "")):
        order = (RUN, "-o", "made", "--format", kind, "--mpp", "0.5")
        exits(capsys, monkeypatch, *order, code=0)
        message = exits(capsys, monkeypatch, *order)
        assert f"lenet-seed-0-fold-0{name}: exists already" in message
        assert "--overwrite" in message
        exits(capsys, monkeypatch, *order, "--overwrite", "--mpp", "0.25", code=0)
    config = json.loads(Path("made/lenet-seed-0-fold-0/config.json").read_text(encoding="utf-8"))
    assert config["spacing_um_px"] == 0.25
    Path("made/lenet-seed-0-fold-0/notes.txt").touch()
    message = exits(capsys, monkeypatch, *order, "--overwrite")
    assert "'notes.txt' in it, which no export wrote" in message


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("out/runs/dab_baseline/seed-0/fold-0", "a baseline, which has no network to export"),
        ("out/runs/lenet/seed-2/fold-0", "no finished run of a network"),
        ("nowhere", "no finished run of a network"),
        (f"{RUN}/model.safetensors", "a file"),
    ],
)
def test_what_is_no_run_of_a_network_is_refused(folder, capsys, monkeypatch, run, words):
    assert words in exits(capsys, monkeypatch, run, "-o", "made")


def test_a_comparison_without_a_network_is_refused(folder, capsys, monkeypatch):
    for seed in (0, 1):
        (folder.run("lenet", seed, 0).path / "DONE").unlink()
    assert "baselines cannot be exported" in exits(capsys, monkeypatch, "out", "-o", "made")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--format", "onx", "did you mean 'onnx'?"),
        ("--input", "int8", "one of uint8, float"),
        ("--mpp", "0", "--mpp: 0 µm/pixel"),
        ("--mpp", "nan", "0.01 to 100"),
    ],
)
def test_options_out_of_range_are_named(folder, capsys, monkeypatch, option, value, words):
    assert words in exits(capsys, monkeypatch, RUN, "-o", "made", option, value)


def test_a_file_in_the_place_of_the_folder_is_refused(folder, capsys, monkeypatch):
    Path("made").touch()
    assert "made is a file" in exits(capsys, monkeypatch, RUN, "-o", "made")


def test_a_full_disk_leaves_nothing(folder, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    order = (RUN, "-o", "made", "--format", "torchscript")
    monkeypatch.setattr("sys.argv", ["her2bench", "export", *order])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "the disk is full" in capsys.readouterr().err
    assert not list(Path("made").glob("**/*")), "a temporary file is left"


def test_a_network_that_comes_out_different_is_refused(folder, capsys, monkeypatch):
    original = formats.TileClassifier.forward

    def shifted(self, tiles):
        probability, logit = original(self, tiles)
        return probability + 0.001, logit

    monkeypatch.setattr(formats.TileClassifier, "forward", shifted)
    order = (RUN, "-o", "made", "--format", "torchscript")
    message = exits(capsys, monkeypatch, *order)
    assert "its probabilities differ by 0.001" in message and "at most 0.0001" in message
    monkeypatch.setattr(
        formats.TileClassifier, "forward", lambda *_: (torch.full((1,), torch.nan),) * 2
    )
    assert "differ by nan" in exits(capsys, monkeypatch, *order)


def test_a_network_that_cannot_be_converted_is_named(folder, capsys, monkeypatch):
    def fails(*_):
        raise RuntimeError("Could not guard on data-dependent expression\n\nmany lines")

    monkeypatch.setitem(exporting._CONVERT, "pt2", fails)
    message = exits(capsys, monkeypatch, RUN, "-o", "made", "--format", "pt2")
    assert "its network cannot be written as pt2" in message and "many lines" not in message


def test_four_scores_are_exported(folder, capsys, monkeypatch):
    run = folder.run("lenet", 0, 0)
    about = ModelMetadata("lenet", 64, Normalization(), 0.0, "score")
    save_trained(OrdinalNetwork(build_model("lenet", 64)), about, run.weights)
    run.mark_done({"threshold": 0.0, "parameters": 1})
    exits(capsys, monkeypatch, RUN, "-o", "made", "--format", "torchscript", code=0)
    assert [path.name for path in Path("made").iterdir()] == ["lenet-seed-0-fold-0.pt"]


def test_a_missing_extra_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    monkeypatch.setattr("sys.argv", ["her2bench", "export", RUN, "-o", "made"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and 'pip install "her2bench[export]"' in capsys.readouterr().err

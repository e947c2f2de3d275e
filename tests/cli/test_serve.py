"""`her2bench serve` as a command: it says where it listens, answers, and refuses in words."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import polars as pl
import pytest
import torch

from her2bench.cli.main import main
from her2bench.core.manifest import write_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import write_table
from her2bench.models.registry import build_model
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

COMMAND = [sys.executable, "-m", "her2bench", "serve"]


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "out")
    run = made.run("lenet", 0, 0)
    description = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+")
    torch.manual_seed(0)
    save_trained(build_model("lenet", 64), description, run.weights)
    run.mark_done({})
    made.config.write_text("", encoding="utf-8")
    gone = {"tile_id": ["a"], "path": [str(tmp_path / "gone.png")], "score": [1]}
    write_manifest(pl.DataFrame(gone), made.manifest)
    write_table(pl.DataFrame({"tile_id": ["a"], "split": "train", "fold": 0}), made.splits)
    return made


@pytest.mark.slow
def test_it_serves_until_it_is_ended(folder):
    process = subprocess.Popen(
        [*COMMAND, str(folder.path), "--port", "0", "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        answer = httpx.get(f"{found[0]}/healthz", timeout=60).json()
        assert answer["models"] == ["lenet"]
        assert httpx.get(f"{found[0]}/", timeout=60).status_code == 404
    finally:
        process.terminate()
        _, printed = process.communicate(timeout=30)
    assert "0 of 1 could be read" in printed and "warning" not in printed


@pytest.mark.slow
def test_a_folder_that_is_no_comparison(tmp_path):
    done = subprocess.run([*COMMAND, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2 and "no comparison" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets two servers share a port")
def test_a_port_that_is_taken(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, str(folder.path), "--port", port], capture_output=True, text=True
        )
    assert done.returncode == 2 and "--port" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["scores.json", "splits.parquet", "manifest.parquet"])
def test_a_damaged_file_is_named(folder, name, monkeypatch, capsys):
    (folder.path / name).write_bytes(b"")
    monkeypatch.setattr("sys.argv", ["her2bench", "serve", str(folder.path), "--port", "0"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and f"{name}: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("port", "bound"), [("-1", "0"), ("65536", "65535"), ("99999", "65535")])
def test_a_port_that_is_none(folder, port, bound, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["her2bench", "serve", str(folder.path), "--port", port])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "--port" in said and f"equal to {bound}" in " ".join(said.split())


@pytest.mark.slow
def test_damaged_weights(folder):
    folder.run("lenet", 0, 0).weights.write_bytes(b"no weights")
    done = subprocess.run(
        [*COMMAND, str(folder.path), "--port", "0"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "model.safetensors" in done.stderr


@pytest.mark.slow
def test_listening_to_the_world_is_warned_about(folder):
    process = subprocess.Popen(
        [*COMMAND, str(folder.path), "--port", "0", "--host", "0.0.0.0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert "http://0.0.0.0:" in process.stdout.readline()
    finally:
        process.terminate()
        _, printed = process.communicate(timeout=30)
    assert "warning: listening on 0.0.0.0" in printed


@pytest.mark.parametrize(
    "given",
    [
        *(["--host", "a..b"], ["--host", "x" * 70], ["--host", ""]),
        *(["--allow-host", "a b"], ["--root-path", "her2"]),
    ],
)
def test_a_name_that_is_none(folder, given, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["her2bench", "serve", str(folder.path), "--port", "0", *given])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and given[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "calibration",
    [3, ["a"], [{}], [{"model": "lenet", "method": "platt", "runs": [{"seed": 0, "slope": "x"}]}]],
)
def test_scores_of_another_shape_are_named(folder, calibration, monkeypatch, capsys):
    folder.scores.write_text(
        json.dumps({"schema": 2, "calibration": calibration}), encoding="utf-8"
    )
    monkeypatch.setattr("sys.argv", ["her2bench", "serve", str(folder.path), "--port", "0"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "scores.json: cannot be read (calibration" in capsys.readouterr().err


def test_scores_nested_without_end_are_named(folder, monkeypatch, capsys):
    folder.scores.write_text("[" * 100_000, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["her2bench", "serve", str(folder.path), "--port", "0"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "scores.json: cannot be read" in capsys.readouterr().err

"""Damaged files of a comparison: the undisturbed results after all, or a refusal by name."""

import random
import shutil

import polars as pl
import pytest
import tomli_w
import torch
from benchmarks.corruption import WRONG, quick
from benchmarks.damages import Damage, flipped
from fastapi.testclient import TestClient

from her2bench.cli.main import main
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.prediction.trained_networks import load_trained
from her2bench.report.gallery_files import gallery_path, read_gallery
from her2bench.report.pages.report_page import write_report
from her2bench.report.table_csv import epoch_table
from her2bench.web.app import create_app

pytestmark = pytest.mark.slow


RUN = "runs/lenet/seed-0/fold-0"


UNFINISHED = "out/runs/lenet/seed-1/fold-0/unfinished"
# What changed results without a word before: each of these, and a few more drawn at random.


WORST = [
    ("stopped", f"{UNFINISHED}/learning-rate-0.0001/kept.safetensors", "64 bytes flipped at the m"),
    (
        "stopped",
        f"{UNFINISHED}/learning-rate-0.0003/state.safetensors",
        "64 bytes flipped at the m",
    ),
    (
        "stopped",
        f"{UNFINISHED}/learning-rate-0.0003/best-0.safetensors",
        "1 bytes flipped at the e",
    ),
    ("stopped", f"{UNFINISHED}/learning-rate-0.0003/state.safetensors", "emptied"),
    ("finished", f"out/{RUN}/predictions.parquet", "another run's"),
    ("finished", f"out/{RUN}/model.safetensors", "1 bytes flipped at the m"),
    ("finished", "out/comparison.toml", "emptied"),
]


DRAWN = 4


def test_damage_is_never_silent_and_never_a_traceback(campaign):
    damages = list(campaign.damages())
    worst = [
        next(d for d in damages if (d.state, d.file) == (s, f) and d.kind.startswith(k))
        for s, f, k in WORST
    ]
    pixels = next(d for d in damages if d.file.endswith("pixels.npy") and "1 bytes" in d.kind)
    drawn = random.Random(0).sample(damages, DRAWN)
    outcomes = {(d.file, d.kind): campaign.outcome(d) for d in [*worst, pixels, *drawn]}
    assert not {where: o for where, o in outcomes.items() if o in WRONG}
    assert set(outcomes.values()) == {"same", "fixed"}


def test_the_campaign_sees_a_difference(campaign):
    """Compared with other logits, a folder that is made whole again is different."""
    folder = ComparisonFolder(campaign.root / "finished" / "out")
    table = pl.read_parquet(folder.predictions).with_columns(pl.col("logit") + 1)
    expected, campaign.expected = campaign.expected, (table, campaign.expected[1])
    try:
        assert campaign.outcome(Damage("finished", "out/tiles.key", "none", b"")) == "different"
    finally:
        campaign.expected = expected


@pytest.mark.parametrize("name", ["predictions.parquet", "model.safetensors", "DONE"])
def test_a_finished_run_with_a_damaged_file_is_done_again(name, campaign, state, again, caplog):
    path = state / "out" / RUN / name
    path.write_bytes(flipped(path.read_bytes(), 1, "middle", random.Random(0)))
    assert again() == 2 * 2  # learning rates, epochs: this run and no other
    assert name in caplog.text and "lenet seed 0 fold 0 is repeated" in caplog.text
    assert all(a.equals(b) for a, b in zip(campaign.results(state), campaign.expected, strict=True))


def test_a_run_in_another_runs_place_is_done_again(campaign, state, again):
    one = state / "out" / RUN
    shutil.rmtree(one)
    shutil.copytree(state / "out/runs/lenet/seed-1/fold-0", one)
    assert again() == 2 * 2
    assert all(a.equals(b) for a, b in zip(campaign.results(state), campaign.expected, strict=True))


def test_runs_of_an_earlier_version_without_checksums_are_kept(state, again):
    folder = ComparisonFolder(state / "out")
    for *_, run in folder.finished_runs():
        (run.path / "DONE").write_text(tomli_w.dumps(run.summary()))
    folder.checksums.unlink()
    assert again() == 0


def test_folders_that_are_no_runs_of_the_comparison_are_passed_over(state, again):
    folder = ComparisonFolder(state / "out")
    runs, epochs = folder.finished_runs(), epoch_table(folder)
    for name in ("lenet/seed-x/fold-0", "lenet/seed-01/fold-0", "lenet/seed-9/fold-0"):
        shutil.copytree(state / "out" / RUN, state / "out" / "runs" / name)
    shutil.copytree(state / "out" / RUN, state / "out" / "runs/unrelated/seed-0/fold-0")
    assert folder.finished_runs() == runs
    assert epoch_table(folder).equals(epochs)
    assert again() == 0


@pytest.mark.parametrize(
    "name",
    ["manifest.parquet", "splits.parquet", "bad_tiles.csv", "predictions.parquet", "scores.json"],
)
def test_the_report_refuses_damaged_files_by_name(name, state, monkeypatch, capsys):
    path = state / "out" / name
    path.write_bytes(flipped(path.read_bytes(), 1, "middle", random.Random(0)))
    monkeypatch.setattr("sys.argv", ["her2bench", "report", str(state / "out")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert str(path) in capsys.readouterr().err


def test_a_damaged_gallery_is_not_shown(state):
    folder = ComparisonFolder(state / "out")
    assert read_gallery(folder).thumbnails
    path = gallery_path(folder) / "maps" / "lenet.npy"
    path.write_bytes(flipped(path.read_bytes(), 1, "end", random.Random(0)))
    with pytest.raises(UserError, match="gallery cannot be read"):
        read_gallery(folder)


def test_damaged_weights_are_not_predicted_with(state):
    run = ComparisonFolder(state / "out").run("lenet", 0, 0)
    shutil.copy(ComparisonFolder(state / "out").run("lenet", 1, 0).weights, run.weights)
    with pytest.raises(UserError, match="not as DONE says"):
        load_trained(run, torch.device("cpu"))


def test_a_damaged_report_is_not_served_until_it_is_written_again(state):
    folder = ComparisonFolder(state / "out")
    client = TestClient(create_app(folder, None), base_url="http://127.0.0.1:8000")
    assert client.get("/").status_code == 200
    folder.report.write_bytes(flipped(folder.report.read_bytes(), 1, "middle", random.Random(0)))
    shown = client.get("/")
    assert shown.status_code == 404
    assert shown.text.startswith("report.html cannot be read: damaged")
    assert str(state) not in shown.text
    with quick():
        write_report(folder)
    assert client.get("/").status_code == 200

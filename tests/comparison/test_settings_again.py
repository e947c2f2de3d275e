"""The same command again, with other settings or tables: taken up without training, or refused."""

import json

import numpy as np
import polars as pl
import pytest
import torch

from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder, opened_comparison
from her2bench.prediction.trained_networks import load_trained

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("damage", ["emptied", "deleted", "a setting changed"])
def test_lost_settings_are_taken_from_the_runs(damage, campaign, state, again):
    folder = ComparisonFolder(state / "out")
    whole = folder.config.read_text()
    if damage == "deleted":
        folder.config.unlink()
    else:
        folder.config.write_text("" if damage == "emptied" else whole.replace("[0, 1]", "[0, 7]"))
    with pytest.raises(UserError, match="another config"):
        again(recipe={"epochs": 1})
    assert again() == 0
    assert folder.config.read_text() == whole


def test_score_settings_change_without_training(state, again):
    score = {"bootstrap": 0, "flips": 99, "margin": 0.05}
    assert again(score=score) == 0
    folder = ComparisonFolder(state / "out")
    assert json.loads(folder.scores.read_text())["settings"]["margin"] == 0.05
    assert folder.settings()["score"]["margin"] == 0.05
    run = folder.run("lenet", 0, 0)
    before, trained = run.summary()["threshold"], run.weights.read_bytes()
    assert again(score={**score, "threshold": {"kind": "fixed", "logit": 0.25}}) == 0
    assert run.summary()["threshold"] == 0.25 != before
    assert load_trained(run, torch.device("cpu"))[1].threshold == 0.25
    assert run.weights.read_bytes() == trained
    calls = {t["logit"] for t in json.loads(folder.scores.read_text())["thresholds"]}
    assert calls == {0.25}


def test_a_column_to_break_down_by_is_checked_before_training(campaign, tmp_path):
    config = campaign.config(score={"by": ["scanner"]})
    with pytest.raises(UserError, match="no column 'scanner'"):
        compare(config, tmp_path / "out", Choices("cpu", tmp_path / "cache"), Watcher())
    assert not (tmp_path / "out").exists()


def test_absurd_bins_are_refused(campaign):
    with pytest.raises(UserError, match=r"score\.bins"):
        campaign.config(score={"bins": 10**12})


def test_rows_in_another_order_are_the_same_tiles(campaign, state, again, tmp_path):
    table = pl.read_csv(campaign.manifest)
    rows = table.with_columns(path=f"{campaign.manifest.parent}/" + pl.col("path"))
    order = np.random.default_rng(0).permutation(rows.height)
    rows[order].write_csv(tmp_path / "m.csv")
    assert again(manifest=str(tmp_path / "m.csv")) == 0
    rows[order][1:].write_csv(tmp_path / "m.csv")
    with pytest.raises(UserError) as refused:
        again(manifest=str(tmp_path / "m.csv"))
    assert "the manifest" in refused.value.found and "images' content" not in refused.value.found


def test_rows_in_another_order_with_unreadable_images_are_the_same_tiles(again, campaign, tmp_path):
    """The broken image's row is not in the manifest that the folder keeps."""
    table = pl.read_csv(campaign.manifest)
    rows = table.with_columns(path=f"{campaign.manifest.parent}/" + pl.col("path"))
    rows[::-1].write_csv(tmp_path / "m.csv")
    assert again(manifest=str(tmp_path / "m.csv")) == 0


@pytest.mark.parametrize(
    "content", [b"", b"row,tile_id\nx,y\n", b"tile_id,row\n,\n", b"\xff\xfe\x00"]
)
def test_a_damaged_list_of_unreadable_images_is_written_again(content, state, again, caplog):
    folder = ComparisonFolder(state / "out")
    whole = folder.bad_tiles.read_bytes()
    folder.bad_tiles.write_bytes(content)
    assert again() == 0
    assert folder.bad_tiles.read_bytes() == whole
    assert "bad_tiles.csv: damaged or missing: written again" in caplog.text


def test_a_folder_without_its_settings_is_distinguished_from_no_comparison(state, tmp_path):
    ComparisonFolder(state / "out").config.unlink()
    with pytest.raises(UserError, match="run the comparison again"):
        opened_comparison(state / "out")
    with pytest.raises(UserError, match="that `compare` printed"):
        opened_comparison(tmp_path)


def test_settings_file_of_a_folder_is_that_of_the_config(campaign, state):
    written = ComparisonFolder(state / "out").settings()
    assert settings_from(ComparisonConfig, written, "comparison.toml") == campaign.config()

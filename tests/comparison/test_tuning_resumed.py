"""A tuning that is killed, and one on tiles that tell their slide."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress

import numpy as np
import polars as pl
import pytest
import tomli_w
from PIL import Image

import her2bench as hb
from her2bench.comparison.tuning_folder import TuningFolder
from her2bench.core.runs import ComparisonFolder

pytestmark = pytest.mark.slow
TRIALS = 3  # of the config


def states(path):
    """How many trials of a study are in which state."""
    with closing(sqlite3.connect(path)) as base:
        return Counter(row[0] for row in base.execute("SELECT state FROM trials"))


LAUNCHER = """
import sys
import her2bench as hb
config, out, cache = sys.argv[1:]
hb.compare(config, out, cache=cache, device="cpu", audit=False, self_test=False)
"""


def test_killed_and_resumed_it_ends_as_in_one_piece(
    tune, tuned_config, tuned_tiles, tuned_cache, tmp_path
):
    alone = {"models": ["lenet"], "network": {}}
    part, tuned = tune("whole", **alone)
    config, out = tmp_path / "c.toml", tmp_path / "killed"
    config.write_text(tomli_w.dumps({"manifest": str(tuned_tiles), **tuned_config, **alone}))
    command = [sys.executable, "-c", LAUNCHER, config, out, tuned_cache]
    trials = out / "runs" / "lenet" / "tuning" / "fold-0" / "trials.sqlite"
    for moment in (1, 2):  # trials that have ended
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and _ended(trials) < moment:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()[1].decode()
        os.kill(process.pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.communicate()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = hb.load_scores(out / "scores.json").tuning
    assert [(each.model, each.trials, each.pruned, each.values) for each in found] == [
        (each.model, each.trials, each.pruned, each.values) for each in tuned
    ]
    for each in tuned:
        ended = states(TuningFolder.of(ComparisonFolder(out), each.model, 0).trials)
        assert ended["COMPLETE"] + ended["PRUNED"] == TRIALS and not ended["RUNNING"]
    runs = [part.run(job).predictions for job in part.jobs]
    whole = pl.concat([pl.read_parquet(path) for path in runs])
    key = ["model", "tile_id"]
    assert pl.read_parquet(out / "predictions.parquet").sort(key).equals(whole.sort(key))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "tuned with the same budget, 3 trials" in page
    assert "Not tuned: Always positive" in page
    assert "not tuned." not in page and "Values that the trials chose" in page
    table = pl.read_csv(out / "table.csv").filter(model="lenet", split="test")
    runs_alone = ComparisonFolder(out).run("lenet", 0, 0).summary()["train_seconds"]
    total = table["train_seconds_total"].item()
    assert total == pytest.approx(runs_alone + found[0].seconds)


def _ended(path):
    """Trials of a study that have ended; 0 while there is no study."""
    with suppress(sqlite3.Error):
        if path.is_file():
            found = states(path)
            return found["COMPLETE"] + found["PRUNED"]
    return 0


def test_a_planted_pixel_that_identifies_the_slide_does_not_profit(tune, tuned_config, tmp_path):
    rng, rows = np.random.default_rng(0), []
    for slide in range(32):
        colour = rng.integers(0, 256, 3)
        for tile in range(4):
            pixels = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
            pixels[:8, :8] = colour
            path = tmp_path / f"{slide}-{tile}.png"
            Image.fromarray(pixels).save(path)
            rows.append((path.name, str(path), 3 * (slide % 2), f"s{slide}"))
    table = pl.DataFrame(rows, ["tile_id", "path", "score", "group_id"], orient="row")
    table.write_csv(tmp_path / "m.csv")
    changes = {"manifest": str(tmp_path / "m.csv"), "models": ["lenet"], "network": {}}
    changes |= {"baselines": [], "split": {"kind": "grouped", "validation": 0.3, "test": 0.4}}
    parts = []
    for name, tuning in (("tuned", tuned_config["tuning"]), ("untuned", None)):
        part, _ = tune(name, **changes, tuning=tuning)
        rows = pl.read_parquet(part.folder.run("lenet", 0, 0).predictions)
        parts.append(rows.with_columns(model=pl.lit(name)))
    scores = hb.score(pl.concat(parts), bootstrap=0).scores
    (pair,) = [p for p in scores.pairs if (p.metric, p.question) == ("roc_auc", "weights")]
    assert pair.decision not in ("a", "b")
    (row,) = [
        r for r in scores.rows if (r.model, r.split, r.metric) == ("tuned", "test", "roc_auc")
    ]
    assert row.low < 0.5 < row.high

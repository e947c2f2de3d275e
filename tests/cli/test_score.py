"""`her2bench score` as a command: files in, tables and JSON out, one message on an error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.evaluation.conftest import STUDY, always_positive, counts_table, simulated

SOURCES = Path(__file__).parents[2] / "src"
# What stands where a Python without torch, and without images, would fail to import.
WITHOUT = "import sys; sys.modules.update(dict.fromkeys(['torch', 'lightning_fabric', 'PIL']))\n"


def her2bench(*arguments, folder: Path) -> subprocess.CompletedProcess[str]:
    code = f"{WITHOUT}from her2bench.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCES), "COLUMNS": "140", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


BY_HAND = """\
model,tile_id,target,probability
lenet,t1,1,0.9
lenet,t2,0,0.2
lenet,t3,1,0.4
lenet,t4,0,0.6
alexnet,t1,1,0.8
alexnet,t2,0,0.3
alexnet,t3,1,0.7
alexnet,t4,0,0.1
"""


def test_four_columns_by_hand_without_torch(tmp_path):
    (tmp_path / "p.csv").write_text(BY_HAND)
    done = her2bench("score", "p.csv", "-o", "scores.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "SLIDES UNKNOWN" in done.stdout.splitlines()[2]  # after the verdict
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    values = {(row["model"], row["metric"]): row["value"] for row in scores["rows"]}
    assert values["lenet", "roc_auc"] == 0.75 and values["alexnet", "roc_auc"] == 1
    assert values["lenet", "accuracy"] == 0.5 and values["alexnet", "sensitivity"] == 1
    assert {"rows", "pairs", "notes"} <= set(scores)


@pytest.mark.slow
def test_the_studys_figures_and_verdict(tmp_path):
    table = counts_table("mini_hahnet", STUDY["mini_hahnet"])
    pl.concat([table, always_positive(table)]).write_csv(tmp_path / "p.csv")
    done = her2bench("score", "p.csv", "--primary", "accuracy", "--details", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0.037 (0.019 to 0.071)" in done.stdout and "0.724 (" in done.stdout
    assert "no significant difference" in done.stdout


def test_json_and_options(tmp_path):
    simulated(splits=("val", "test")).write_parquet(tmp_path / "p.parquet")
    done = her2bench(
        *("score", "p.parquet", "--json", "--rule", "sensitivity", "--value", "0.9"),
        *("--margin", "0.1", "--bootstrap", "0", "--mcnemar"),
        folder=tmp_path,
    )
    scores = json.loads(done.stdout)
    assert scores["settings"]["margin"] == 0.1
    assert {t["source"] for t in scores["thresholds"]} == {"val"}
    [pair] = [p for p in scores["pairs"] if p["mcnemar_p_value"] is not None]
    assert pair["metric"] == "accuracy"


def test_columns_from_a_manifest(tmp_path):
    table = simulated().drop("group_id")
    table.write_parquet(tmp_path / "p.parquet")
    tiles = table.filter(pl.col("model") == "a")
    tiles.select(
        "tile_id",
        path=pl.lit("none.png"),
        score=pl.col("target") * 2,
        group_id=pl.lit("s") + (pl.int_range(pl.len()) % 25).cast(pl.String),
        scanner=pl.lit("x"),
    ).write_csv(tmp_path / "m.csv")
    done = her2bench(
        *("score", "p.parquet", "--manifest", "m.csv", "--by", "scanner", "--json"),
        folder=tmp_path,
    )
    scores = json.loads(done.stdout)
    assert {row["groups"] for row in scores["rows"]} == {25}
    assert {part["column"] for part in scores["breakdown"]} == {"score", "group_id", "scanner"}


@pytest.mark.parametrize("source", ["p.csv", "m.csv"])
def test_labels_that_look_like_numbers_keep_their_digits(tmp_path, source):
    table = simulated().filter(pl.col("model") == "a")
    sites = pl.Series("site", (["1.1", "1.10", "NA", "2", "10"] * table.height)[: table.height])
    manifest = table.select("tile_id", path=pl.lit("a.png"), score=pl.lit(2))
    tables = {"p.csv": table, "m.csv": manifest}
    tables[source] = tables[source].with_columns(sites)
    for name, some in tables.items():
        some.write_csv(tmp_path / name)
    done = her2bench(
        *("score", "p.csv", "--manifest", "m.csv", "--by", "site", "--json", "--bootstrap", "0"),
        folder=tmp_path,
    )
    parts = json.loads(done.stdout)["breakdown"]
    values = [part["value"] for part in parts if part["column"] == "site"]
    assert values == ["1.1", "1.10", "2", "10"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("model,tile,target,probability\nm,t,1,0.5\n", [], "p.csv: missing columns: tile_id"),
        (BY_HAND.replace("0.9", "nan"), [], "p.csv: column 'probability' has 1 wrong"),
        (BY_HAND.replace("0.9", "1.9"), [], "from 0 to 1"),
        (BY_HAND.replace("t1,1,0.9", "t1,2,0.9"), [], "0 or 1"),
        (BY_HAND.replace("alexnet,t1", "alexnet,t9"), [], "1 only in model lenet"),
        (BY_HAND + "lenet,t1,1,0.9\n", [], "stand twice"),
        ("", [], "p.csv"),
        (BY_HAND, ["--rule", "best"], "error: --rule: 'best': Input should be 'fixed', 'youden'"),
        (BY_HAND, ["--rule", "sensitivity"], "needs a value"),
        (BY_HAND, ["--primary", "auc"], "error: --primary"),
        (BY_HAND, ["--by", "scanner"], "no column 'scanner'"),
    ],
)
def test_usage_errors_get_one_message_and_leave_nothing(tmp_path, content, arguments, message):
    (tmp_path / "p.csv").write_text(content)
    done = her2bench("score", "p.csv", "-o", "scores.json", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_help_names_the_options(tmp_path):
    done = her2bench("score", "-h", folder=tmp_path)
    assert done.returncode == 0 and "--rule" in done.stdout and "--margin" in done.stdout


@pytest.mark.slow
def test_points_of_the_curve_are_rows_that_fit_the_terminal(tmp_path):
    simulated(groups=24, models=tuple("abcde")).drop("logit").write_csv(tmp_path / "p.csv")
    options = ("--at-specificity", "0.9", "--partial-auc", "0.2", "--bootstrap", "200")
    found = her2bench("score", "p.csv", *options, folder=tmp_path)
    assert found.returncode == 0
    assert "sensitivity at specificity 0.9" in found.stdout
    assert "partial ROC-AUC, FPR up to 0.2" in found.stdout
    assert "…" not in found.stdout
    details = her2bench("score", "p.csv", *options, "--details", folder=tmp_path).stdout
    assert details.count("needs at least 3 seeds") == 1  # for all ten pairs


def test_too_few_replicates_are_a_usage_error(tmp_path):
    simulated(groups=24).drop("logit").write_csv(tmp_path / "p.csv")
    found = her2bench("score", "p.csv", "--bootstrap", "1", folder=tmp_path)
    assert found.returncode == 2 and "at least 200" in found.stderr

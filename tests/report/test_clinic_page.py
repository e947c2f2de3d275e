"""The page with ensembles, subgroups, predictive values and the decision curve."""

import re

import polars as pl
import pytest

from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import read_scores
from her2bench.core.tables import write_table
from her2bench.report.rebuilding import rebuild
from tests.report.conftest import make_comparison

SET = (
    "score.seed_ensembles=true",
    "score.ensembles.both=['lenet', 'alexnet']",
    "score.prevalence=0.15",
    "score.by=['scanner']",
    "score.bootstrap=0",
)


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> ComparisonFolder:
    folder = make_comparison(tmp_path_factory.mktemp("clinic") / "comparison")
    manifest = pl.read_parquet(folder.manifest)
    slide = pl.col("group_id").str.extract(r"(\d+)$").cast(pl.Int64)
    write_table(manifest.with_columns(scanner=pl.format("s{}", slide % 2)), folder.manifest)
    rebuild(folder, SET)
    return folder


def text_of(folder) -> str:
    page = folder.report.read_text(encoding="utf-8")
    return re.sub(
        r"\s+", " ", re.sub(r"<(script|style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    )


def test_ensembles_are_rows_marked_as_derived(rebuilt):
    text = text_of(rebuilt)
    assert "LeNet ensemble ensemble (derived): mean logit of 2 networks" in text
    assert "both ensemble (derived): mean logit of 4 networks" in text
    assert "Ensembles against every model" in text
    assert not (rebuilt.path / "runs" / "both").exists()
    predictions = pl.read_parquet(rebuilt.predictions)
    assert "both" not in set(predictions["model"])
    table = pl.read_csv(rebuilt.table)
    cost = dict(
        table.filter(pl.col("split") == "test").select("model", "train_seconds").iter_rows()
    )
    assert cost["both"] == pytest.approx(2 * (cost["lenet"] + cost["alexnet"]))


def test_the_verdicts_of_networks_are_not_about_ensembles(rebuilt):
    page = rebuilt.report.read_text(encoding="utf-8")
    lead = re.search(r'class="lead">(.*?)</p>', page, re.DOTALL)
    assert lead and "LeNet and AlexNet on" in lead.group(1)
    scores = read_scores(rebuilt.scores)
    assert [one.name for one in scores.ensembles] == [
        "lenet ensemble", "alexnet ensemble", "both",
    ]  # fmt: skip


def test_subgroups_predictive_values_and_the_decision_curve_are_there(rebuilt):
    text = text_of(rebuilt)
    assert "By scanner" in text and "Does ROC-AUC depend on scanner?" in text
    assert "PPV at prevalence 0.15" in text
    assert "Net benefit (decision curve)" in text
    assert "says nothing about what to do for a patient" in text
    assert (rebuilt.figures / "decision.pdf").is_file()
    assert "{{" not in text and "None" not in text

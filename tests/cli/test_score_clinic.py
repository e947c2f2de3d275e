"""`her2bench score` with ensembles, a prevalence and subgroups."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.cli.score_inputs import named_ensembles
from her2bench.core.errors import UserError
from tests.evaluation.conftest import simulated


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two models, two seeds; slides of two scanners."""
    slide = pl.col("group_id").str.extract(r"(\d+)$").cast(pl.Int64)
    path = tmp_path_factory.mktemp("clinic") / "predictions.csv"
    made = simulated(seeds=2, splits=("val", "test"))
    made.with_columns(scanner=pl.format("s{}", slide % 2)).write_csv(path)
    return path


def score(table, *arguments):
    quick = ("--bootstrap", "0")
    return CliRunner().invoke(app, ["score", str(table), *quick, *arguments])


def test_ensembles_are_rows_and_named(table):
    done = score(table, "--seed-ensembles", "--ensemble", "both=a,b", "--rule", "youden", "--json")
    assert done.exit_code == 0, done.output
    scores = json.loads(done.stdout)
    assert {one["name"]: one["networks"] for one in scores["ensembles"]} == {
        "a ensemble": 2,
        "b ensemble": 2,
        "both": 4,
    }
    assert {"both", "a ensemble"} <= {row["model"] for row in scores["rows"]}
    assert {each["source"] for each in scores["thresholds"] if each["model"] == "both"} == {"val"}


def test_the_terminal_says_what_is_derived_and_shows_subgroups(table):
    done = score(
        table, "--ensemble", "both=a,b", "--by", "scanner", "--prevalence", "0.2", "--details"
    )
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "both, the mean of 4 networks (a, b)" in text
    assert "PPV at prevalence 0.2: a 0." in text and "NPV at prevalence 0.2" in text
    assert "ROC-AUC by scanner" in text and "Does ROC-AUC depend on scanner?" in text
    assert "a – both" in text and "s0 – s1" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ensemble", "both=a,c"), "no model 'c'"),
        (("--ensemble", "both"), "NAME=MODEL,MODEL"),
        (("--ensemble", "both=a,a"), "each once"),
        (("--prevalence", "1.5"), "--prevalence"),
        (("--by", "scaner"), "did you mean 'scanner'"),
    ],
)
def test_mistakes_are_usage_errors(table, arguments, message):
    done = score(table, *arguments)
    assert done.exit_code != 0
    assert message in (done.output + str(done.exception))


def test_an_ensemble_is_named_once():
    with pytest.raises(UserError, match="each name once"):
        named_ensembles(["x=a,b", "x=a"])
